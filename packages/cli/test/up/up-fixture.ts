// `windrow up` with the stand-ins in place of controller and agents.

import { outliveTerminal } from "../../src/up/outlive-terminal.ts";
import { runUp } from "../../src/up/run-up.ts";
import { compileUpOptions } from "../../src/up/up-options.ts";

const [data = "", port = "", grpcPort = "", natsPort = ""] = process.argv.slice(2);
const flags = { data, port, grpcPort, natsPort, sample: false, json: true };
outliveTerminal([process.stdout, process.stderr]);
process.exitCode = await runUp({
  options: compileUpOptions(flags, data),
  out: process.stdout,
  err: process.stderr,
  environment: process.env,
  entries: {
    controller: new URL("./stand-in-controller.ts", import.meta.url).href,
    agent: new URL("./stand-in-agent.ts", import.meta.url).href,
  },
});
