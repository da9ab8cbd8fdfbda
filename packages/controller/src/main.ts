import { CertificateError } from "@windrow/certificates";
import { createLogger, systemClock } from "@windrow/service";
import { ConfigError, readConfig } from "./config.ts";
import { startController } from "./create-controller.ts";

/** What service managers know as "the configuration is wrong: starting again will not help". */
const EXIT_CONFIG = 78;
const STOP_WITHIN_MS = 15_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ component: "controller", level: config.logLevel });
  process.on("unhandledRejection", (error) => {
    logger.fatal({ err: error }, "a promise failed and nobody looked: the controller ends");
    process.exit(1);
  });
  let stopping: Promise<void> | undefined;
  let controller: Awaited<ReturnType<typeof startController>> | undefined;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping !== undefined) {
      logger.warn({ signal }, "asked twice: the controller ends at once");
      process.exit(1);
    }
    logger.info({ signal }, "the controller stops");
    setTimeout(() => {
      logger.error("the controller did not stop in time");
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    stopping = (controller?.stop() ?? Promise.resolve()).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, "the controller stopped with an error");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  controller = await startController({ config, clock: systemClock, logger });
  const { port, grpcPort, url, controllerId } = controller;
  const ready = { msg: "ready", port, grpc_port: grpcPort, url, controller_id: controllerId };
  const sentence = `The controller serves ${url}, and agents on port ${grpcPort}`;
  process.stdout.write(`${process.stdout.isTTY ? sentence : JSON.stringify(ready)}\n`);
}

main().catch((error: unknown) => {
  const isConfig = error instanceof ConfigError || error instanceof CertificateError;
  process.stderr.write(isConfig ? `${error.message}\n` : `the controller could not start: ${describe(error)}\n`);
  process.exit(isConfig ? EXIT_CONFIG : 1);
});

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
