export { createMemoryProvider, type MemoryProvider } from "./testing/memory-provider.ts";
export { startTestEngine, type TestEngine, whyNoTestEngine } from "./testing/test-engine.ts";
