import { existsSync } from "node:fs";
import { join, normalize } from "node:path";
import { type ActionDefinition, type Diagnostic, type LeaseRef, Refusal } from "@windrow/model";
import type { Connection } from "../session/connection.ts";
import type { ActionCache } from "./action-cache.ts";
import type { ActionAnswer, ActionRequest } from "./action-port.ts";
import { ACTION_CALL_MS_MAX, fetchTree } from "./fetch-tree.ts";
import { readActionFile } from "./read-action-file.ts";
import { TarError } from "./tar-entry.ts";
import { workOnce } from "./work-once.ts";

export type ParseAction = (file: { readonly path: string; readonly text: string }) => {
  readonly definition?: ActionDefinition | undefined;
  readonly diagnostics: readonly Diagnostic[];
};

export interface OpenActionOptions {
  readonly connection: Connection;
  readonly lease: Omit<LeaseRef, "sessionNo">;
  readonly cache: ActionCache;
  /** The attempt's folder that is the agent's own. */
  readonly attemptDir: string;
  readonly parse: ParseAction;
}

type Resolved = { readonly kind: "sha"; readonly sha: string } | { readonly kind: "problem"; readonly problem: string };

/** Opens actions of repositories for one job: each ref is asked for once, each tree fetched once per agent. */
export function createOpenAction(options: OpenActionOptions) {
  const { connection, lease, cache, attemptDir, parse } = options;
  const resolved = new Map<string, Resolved>();
  const asking = new Map<string, Promise<Resolved>>();

  async function resolve({ repository, ref }: ActionRequest, signal: AbortSignal): Promise<Resolved> {
    const key = `${repository.toLowerCase()}@${ref}`;
    const known = resolved.get(key);
    if (known !== undefined) return known;
    const answer = await workOnce(asking, key, () =>
      connection.call(
        ({ client, sessionNo }) =>
          client.resolveAction(
            { lease: { ...lease, sessionNo }, repository, ref },
            { signal, deadlineMs: ACTION_CALL_MS_MAX },
          ),
        signal,
      ),
    );
    resolved.set(key, answer);
    return answer;
  }

  return async (request: ActionRequest, signal: AbortSignal): Promise<ActionAnswer> => {
    const { repository, ref } = request;
    const name = `${repository}${request.path === "" ? "" : `/${request.path}`}@${ref}`;
    const path = normalize(request.path || ".");
    if (path.startsWith("/") || path.split("/").includes("..")) {
      return { kind: "problem", why: `the path of '${name}' leads out of its repository` };
    }
    try {
      const answer = await resolve(request, signal);
      if (answer.kind === "problem") return { kind: "problem", why: answer.problem };
      const { sha } = answer;
      const tree = await cache.open(sha, attemptDir, () => fetchTree({ connection, lease, repository, sha, signal }));
      return readDefinition({ tree, path, name, sha });
    } catch (error) {
      if (error instanceof TarError) return { kind: "problem", why: `'${name}' cannot be unpacked: ${error.message}` };
      if (error instanceof Refusal && PROBLEMS.has(error.code)) return { kind: "problem", why: error.message };
      throw error;
    }
  };

  function readDefinition(place: {
    readonly tree: string;
    readonly path: string;
    readonly name: string;
    readonly sha: string;
  }): ActionAnswer {
    const { tree, path, name, sha } = place;
    const file = readActionFile(tree, path);
    if (file.kind === "problem") return { kind: "problem", why: `'${name}' cannot be used: ${file.why}` };
    if (file.kind === "absent" && hasDockerfile(tree, path)) {
      return { kind: "opened", dir: join(tree, path), definition: ofDockerfile(name), sha };
    }
    if (file.kind === "absent") return { kind: "problem", why: `'${name}' ${whyAbsent(join(tree, path))}` };
    const { definition, diagnostics } = parse({ path: join(path, file.name), text: file.text });
    if (definition !== undefined) return { kind: "opened", dir: join(tree, path), definition, sha };
    const mistake = diagnostics.find((one) => one.severity === "error") ?? diagnostics[0];
    const where = mistake === undefined ? "" : `: line ${mistake.line}: ${mistake.message}`;
    return { kind: "problem", why: `'${file.name}' of '${name}' is wrong${where}` };
  }
}

/** What the controller refuses because of what the workflow asks, not because of the lease. */
const PROBLEMS: ReadonlySet<string> = new Set(["not_found", "not_allowed", "invalid", "too_large"]);

const hasDockerfile = (tree: string, path: string): boolean => existsSync(join(tree, path, "Dockerfile"));

/** A folder with nothing but a Dockerfile is an action that takes what it is given. */
function ofDockerfile(name: string): ActionDefinition {
  const conditions = { preCondition: "always()", postCondition: "always()" };
  return {
    name,
    inputs: [],
    outputs: [],
    runs: { kind: "docker", image: "Dockerfile", args: [], env: [], ...conditions },
  };
}

function whyAbsent(dir: string): string {
  if (!existsSync(dir)) return "has no such folder";
  return "has no action.yml or action.yaml";
}
