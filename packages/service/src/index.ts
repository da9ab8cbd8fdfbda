export { type BackoffOptions, backoffMs, type RetryOptions, retry } from "./backoff.ts";
export { type Clock, systemClock } from "./clock.ts";
export { passedThrough } from "./collect-buffers.ts";
export { type FailpointHandler, failpoint, installFailpointHandler } from "./failpoint.ts";
export { hasCode } from "./has-code.ts";
export { createLogger, type Logger, type LoggerOptions } from "./logger.ts";
export { type Loop, type LoopOptions, startLoop } from "./loop.ts";
export { NODE_FLAGS } from "./node-flags.ts";
export { type Service, startInOrder } from "./service.ts";
