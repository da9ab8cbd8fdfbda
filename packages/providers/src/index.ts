export {
  type AgentProvider,
  LAST_WORDS_CHARS_MAX,
  type MachineRequest,
  type ProvidedMachine,
} from "./agent-provider.ts";
export { type CommandProviderOptions, createCommandProvider } from "./command/create-command-provider.ts";
export { createProvider, type ProviderHost } from "./create-provider.ts";
export type { EngineTls } from "./docker/connect-engine.ts";
export { createDockerProvider, type DockerProviderOptions } from "./docker/create-docker-provider.ts";
export { createProcessProvider, type ProcessProviderOptions } from "./process/create-process-provider.ts";
export { ProviderError } from "./provider-error.ts";
