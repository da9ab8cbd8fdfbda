/** What an agent wants to know of an engine before it offers it to jobs. */
export interface DockerEngineFacts {
  /** `unix:///…` */
  readonly socket: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly storageDriver: string;
}

/** The engine of this machine, or a sentence that says why jobs cannot have one. */
export async function findDockerEngine(
  socket = "unix:///var/run/docker.sock",
): Promise<DockerEngineFacts | { readonly problem: string }> {
  return { problem: `the engine at ${socket} is not looked for yet` };
}
