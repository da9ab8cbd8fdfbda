/**
 * A named place where a fault test may stop, delay or end the process. Does nothing at all unless a test entry point
 * installed a handler before the process's own code ran; production entry points never do.
 */
export type FailpointHandler = (name: string) => void | Promise<void>;

const HANDLER_KEY = Symbol.for("windrow.failpoint");

export function failpoint(name: string): void | Promise<void> {
  const handler: unknown = Reflect.get(globalThis, HANDLER_KEY);
  if (typeof handler === "function") return handler(name) as void | Promise<void>;
}

/** For test entry points only. */
export function installFailpointHandler(handler: FailpointHandler): void {
  Reflect.set(globalThis, HANDLER_KEY, handler);
}
