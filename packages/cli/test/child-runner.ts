import { runChild } from "../src/process/run-child.ts";

/** A process for tests that is to its child what `windrow controller` is to the controller. */
process.exitCode = await runChild({
  entry: new URL("./signal-counter.ts", import.meta.url).href,
  environment: { ...process.env, WINDROW_TEST_WORD: "here" },
});
