// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import type { GitRepository } from "../kit/git-repository.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { waitFor } from "../kit/wait-for.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ agents: 2 });
});
afterAll(() => farm?.stop());

/** The repository's runs, oldest first: `running`, `waiting`, or how they ended. */
async function runsOf(name: string): Promise<string[]> {
  const runs = await farm.db
    .selectFrom("runs")
    .innerJoin("repositories", "repositories.id", "runs.repository_id")
    .select(["runs.state", "runs.conclusion"])
    .where("repositories.name", "=", name)
    .orderBy("runs.id")
    .execute();
  return runs.map((run) => run.conclusion ?? run.state);
}

function waitRuns(name: string, wanted: readonly string[]): Promise<boolean> {
  return waitFor(
    `the runs of ${name} to be ${wanted.join(", ")}`,
    async () => String(await runsOf(name)) === String(wanted),
    { describe: () => runsOf(name) },
  );
}

async function pushAgain(repository: GitRepository, name: string, text: string): Promise<void> {
  await repository.commit({ "word.txt": text });
  const push = await repository.push({ url: `${farm.url}/git/me/${name}.git`, token: farm.adminToken });
  expect(push.code, push.stderr).toBe(0);
}

const workflow = (concurrency: string, marker: Marker) => `
on: push
concurrency: ${concurrency}
jobs:
  build:
    runs-on: linux
    steps:
      - run: ${marker.openLine("begun")}; ${marker.waitLine("go")}
`;

const begun = (marker: Marker) => waitFor("the job to begin", () => marker.isOpen("begun"));

test("of three pushes the one that runs goes on, the one that waits gives way, the newest comes after", async () => {
  const marker = new Marker();
  const { repository } = await pushWorkflow(farm, workflow("replaced", marker), { name: "me/replaced" });
  await begun(marker);
  await pushAgain(repository, "replaced", "second");
  await waitRuns("replaced", ["running", "waiting"]);
  await pushAgain(repository, "replaced", "third");
  await waitRuns("replaced", ["running", "cancelled", "waiting"]);
  marker.open("go");
  await waitRuns("replaced", ["success", "cancelled", "success"]);
});

test("with cancel-in-progress a push ends the run before it", async () => {
  const marker = new Marker();
  const group = '{ group: "newest-${{ github.ref }}", cancel-in-progress: true }';
  const { repository } = await pushWorkflow(farm, workflow(group, marker), { name: "me/newest" });
  await begun(marker);
  await pushAgain(repository, "newest", "second");
  await waitRuns("newest", ["cancelled", "running"]);
  marker.open("go");
  await waitRuns("newest", ["cancelled", "success"]);
});

test("with queue: max every push has its turn, in the order in which they came", async () => {
  const marker = new Marker();
  const group = "{ group: everybody, queue: max }";
  const { repository } = await pushWorkflow(farm, workflow(group, marker), { name: "me/queued" });
  await begun(marker);
  for (const word of ["second", "third"]) await pushAgain(repository, "queued", word);
  await waitRuns("queued", ["running", "waiting", "waiting"]);
  marker.open("go");
  await waitRuns("queued", ["success", "success", "success"]);
  const started = await farm.db
    .selectFrom("runs")
    .innerJoin("repositories", "repositories.id", "runs.repository_id")
    .select(["runs.id"])
    .where("repositories.name", "=", "queued")
    .orderBy("runs.started_at")
    .execute();
  expect(started.map(({ id }) => id)).toEqual(started.map(({ id }) => id).toSorted((a, b) => a - b));
});

test("no group is held when nothing runs, and the history is whole", async () => {
  expect(await farm.db.selectFrom("concurrency_entries").select("id").execute()).toEqual([]);
  expect(await checkHistory(farm)).toEqual([]);
});
