import { runDispatchBench } from "./dispatch.ts";
import { runFleetBench } from "./fleet.ts";
import { runLogBench } from "./log.ts";
import { runPlanBench } from "./plan.ts";
import { runThroughputBench } from "./throughput.ts";

const BENCHES: Record<string, { readonly summary: string; readonly run: (args: readonly string[]) => Promise<void> }> =
  {
    dispatch: { summary: "ref updated → first step's process started, on an idle farm", run: runDispatchBench },
    fleet: {
      summary: "2,000 simulated agents on one controller; claims with 100,000 jobs queued",
      run: runFleetBench,
    },
    log: {
      summary: "a log of 100 MB: MB/s from the step's output to the sealed log; resident memory",
      run: runLogBench,
    },
    plan: {
      summary: "workflow files read and planned per second, expressions evaluated per second",
      run: runPlanBench,
    },
    throughput: { summary: "no-op jobs per second, end to end", run: runThroughputBench },
  };

const [name, ...args] = process.argv.slice(2).filter((arg) => arg !== "--");
const bench = name === undefined ? undefined : BENCHES[name];
if (bench === undefined) {
  const list = Object.entries(BENCHES).map(([key, { summary }]) => `  ${key.padEnd(12)} ${summary}`);
  process.stderr.write(`usage: npm run bench -- NAME\n\n${list.join("\n")}\n`);
  process.exit(3);
}
await bench.run(args);
process.exit(0);
