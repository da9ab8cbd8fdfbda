import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    // many tests wait for processes and deadlines rather than for the processor
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { inline: [/@actions\//] } },
  },
});
