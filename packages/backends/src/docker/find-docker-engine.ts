import { connectDocker, wordsOf } from "./engine-connection.ts";

/** What an agent wants to know of an engine before it offers it to jobs. */
export interface DockerEngineFacts {
  /** `unix:///…` */
  readonly socket: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly storageDriver: string;
}

const DEFAULT_SOCKET = "unix:///var/run/docker.sock";
const ANSWER_MS_MAX = 5_000;

/** The engine of this machine, or a sentence that says why jobs cannot have one. */
export async function findDockerEngine(
  socket = DEFAULT_SOCKET,
): Promise<DockerEngineFacts | { readonly problem: string }> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    return { problem: "jobs have containers only where the agent runs as root on Linux" };
  }
  try {
    const docker = connectDocker(socket, { answerMsMax: ANSWER_MS_MAX });
    const { Version: version, ApiVersion: apiVersion } = await docker.version();
    const { OSType: kind, Driver: storageDriver } = await docker.info();
    if (kind !== "linux") return { problem: `the engine at ${socket} runs ${kind} containers` };
    return { socket, version, apiVersion, storageDriver };
  } catch (error) {
    return { problem: `the engine at ${socket} does not answer: ${wordsOf(error)}` };
  }
}
