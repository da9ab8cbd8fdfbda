export type { AgentProvider } from "./agent-provider.ts";
