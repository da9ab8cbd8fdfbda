import { fileURLToPath } from "node:url";

/** The supervisor's program, beside this file; a bundle must carry it along. */
export const supervisorScript = fileURLToPath(new URL("./supervisor.sh", import.meta.url));
