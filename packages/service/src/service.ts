/** A long-lived thing. `stop` is idempotent and complete when it resolves. */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts services in order; when one fails, those already started are stopped in reverse and the error is thrown.
 * Returns a function that stops all in reverse order; the first error is thrown after every service was asked.
 */
export async function startInOrder(services: readonly Service[]): Promise<() => Promise<void>> {
  const started: Service[] = [];
  const stopAll = async () => {
    let firstError: unknown;
    for (const service of started.splice(0).reverse()) {
      try {
        await service.stop();
      } catch (error) {
        firstError ??= error;
      }
    }
    if (firstError !== undefined) throw firstError;
  };
  for (const service of services) {
    try {
      await service.start();
      started.push(service);
    } catch (error) {
      await stopAll();
      throw error;
    }
  }
  return stopAll;
}
