export { type AgentProvider, type MachineRequest, type ProvidedMachine, ProviderError } from "./agent-provider.ts";
