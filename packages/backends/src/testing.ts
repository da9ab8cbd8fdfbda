export { startTestEngine, type TestEngine, type TestEngineOptions, whyNoTestEngine } from "./testing/test-engine.ts";
export { TEST_IMAGES, type TestImage, whyNoTestImage } from "./testing/test-images.ts";
export { createTestNetwork, type TestNetwork } from "./testing/test-network.ts";
export { startTestRegistry, type TestRegistry, whyNoTestRegistry } from "./testing/test-registry.ts";
