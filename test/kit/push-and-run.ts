import type { Farm } from "./farm.ts";
import { type GitAnswer, GitRepository } from "./git-repository.ts";
import { waitFor } from "./wait-for.ts";

export interface PushedRun {
  readonly runId: number;
  readonly sha: string;
  readonly push: GitAnswer;
  readonly repository: GitRepository;
}

/** Pushes one workflow file (and other files) as a new repository and returns the run it made. */
export async function pushWorkflow(
  farm: Farm,
  workflow: string,
  options: {
    name?: string;
    files?: Record<string, string>;
    controller?: number;
    pushOptions?: readonly string[];
    /** The controller is to die under the push, so that git may see its connection break. */
    pushMayFail?: boolean;
  } = {},
): Promise<PushedRun> {
  const repository = await GitRepository.create();
  const sha = await repository.commit({ ".windrow/workflows/ci.yml": workflow, ...options.files }, "first");
  const name = options.name ?? `me/r${sha.slice(0, 10)}`;
  const base = farm.controllers[options.controller ?? 0]?.url ?? farm.url;
  const push = await repository.push({
    url: `${base}/git/${name}.git`,
    token: farm.adminToken,
    ...(options.pushOptions === undefined ? {} : { pushOptions: options.pushOptions }),
  });
  if (push.code !== 0 && !options.pushMayFail) throw new Error(`push failed: ${push.stderr}`);
  const [owner = "", repo = ""] = name.split("/");
  const run = await waitFor(`a run of ${name} at ${sha}`, () =>
    farm.db
      .selectFrom("runs")
      .innerJoin("repositories", "repositories.id", "runs.repository_id")
      .select("runs.id")
      .where("repositories.owner", "=", owner)
      .where("repositories.name", "=", repo)
      .where("runs.sha", "=", sha)
      .executeTakeFirst(),
  );
  return { runId: run.id, sha, push, repository };
}
