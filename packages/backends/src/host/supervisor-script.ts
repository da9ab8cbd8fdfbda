import { fileURLToPath } from "node:url";

/** The shell programs beside this file; a bundle must carry them along. */
export const supervisorScript = fileURLToPath(new URL("./supervisor.sh", import.meta.url));
export const launcherScript = fileURLToPath(new URL("./launcher.sh", import.meta.url));
/** Runs a step of a job's container in the step's place. */
export const bridgeScript = fileURLToPath(new URL("../door/bridge.sh", import.meta.url));
