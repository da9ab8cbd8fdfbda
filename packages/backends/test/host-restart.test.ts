import { describeAgentRestart } from "./agent-restart.ts";
import { heldBackends } from "./process-backends.ts";

for (const one of heldBackends) describeAgentRestart(one);
