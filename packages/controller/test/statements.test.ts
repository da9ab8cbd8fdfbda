import { startTestPostgres } from "@windrow/embedded/testing";
import { ensureRepository, inTransaction, migrate, openDatabase } from "@windrow/store";
import { parseWorkflow, resolveJobs } from "@windrow/workflow";
import { expect, it } from "vitest";
import { startRuns } from "../src/intake/start-runs.ts";
import { advanceLockedRuns } from "../src/runs/advance-run.ts";
import { toNewJob } from "../src/runs/new-job.ts";
import { createRunTexts } from "../src/runs/run-texts.ts";

it("an ordinary run pays nothing for calls, computed matrices, groups and variables: it is made in eight statements", async () => {
  const { connectionString } = await (await startTestPostgres()).createDatabase();
  const db = openDatabase({ connectionString, onError: () => undefined });
  try {
    await migrate(db);
    const { repository } = await inTransaction(db, (tx) =>
      ensureRepository(tx, { owner: "me", name: "app", createdBy: "me" }),
    );
    let count = 0;
    const counted = db.withPlugin({
      transformQuery({ node }) {
        count += 1;
        return node;
      },
      transformResult: async ({ result }) => result,
    });
    const path = ".windrow/workflows/ci.yml";
    const text = "on: push\njobs: { a: { runs-on: linux, steps: [{ run: make }] } }";
    const { definition, diagnostics } = parseWorkflow({ path, text });
    if (definition === undefined) throw new Error("it parses");
    const run = {
      repositoryId: repository.id,
      owner: "me",
      pushId: null,
      scope: "branch" as const,
      trust: "trusted" as const,
      eventName: "push",
      eventJson: "{}",
      ref: "refs/heads/main",
      sha: "a".repeat(40),
      beforeSha: null,
      title: "",
      actor: "me",
      workflowPath: path,
      workflowName: path,
      definition,
      diagnostics,
    };
    const facts = {
      ...run,
      repository: "me/app",
      runId: 0,
      runNumber: 0,
      runAttempt: 1,
      triggeringActor: "me",
      headRef: "",
      baseRef: "",
      eventDigest: "",
      defaultBranch: "main",
      publicUrl: "",
    };
    const source = { repository: "me/app", path, ref: run.ref, sha: run.sha };
    const jobs = resolveJobs({ scope: { definition, source, inputs: {} }, vars: {}, facts }).map((seed) =>
      toNewJob(seed),
    );
    const texts = createRunTexts();
    const deps = { db: counted, texts, publicUrl: () => "", tell: () => undefined };
    const ids = await startRuns(deps, { pushId: null, reason: null, runs: [{ ...run, jobs }] });
    expect(count).toBe(8);
    // and looking at it when a job ended is one
    count = 0;
    await inTransaction(counted, (tx) => advanceLockedRuns(tx, { runIds: ids ?? [], publicUrl: "", texts }));
    expect(count).toBe(1);
  } finally {
    await db.destroy();
  }
});
