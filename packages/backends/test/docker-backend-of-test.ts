import { createDockerBackend, createDockerEngine, createHostBackend, type StepBackend } from "../src/index.ts";
import { TEST_IMAGES } from "../src/testing.ts";

export interface TestDockerSettings {
  readonly socket: string;
  readonly agentDir: string;
}

/** Jobs that each have a container of the small test image; any process that has the settings can make the same. */
export function createTestDockerBackend({ socket, agentDir }: TestDockerSettings): StepBackend {
  const engine = createDockerEngine({ socket, agentId: "agent-of-the-test", agentDir });
  return createDockerBackend({ engine, host: createHostBackend(), image: TEST_IMAGES.shell });
}
