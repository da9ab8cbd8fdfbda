export { createMemoryProvider, type MemoryProvider } from "./testing/memory-provider.ts";
