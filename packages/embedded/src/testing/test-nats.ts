import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@windrow/service";
import { type RunningNats, startNats } from "../nats/start-nats.ts";

export interface TestNats extends RunningNats {
  /** Ends the server, keeps keys and port, and starts it again, on an empty store if wanted: for tests of an outage. */
  restart(options?: { readonly isStoreEmpty?: boolean }): Promise<TestNats>;
  /** Ends the server and removes its folder. */
  remove(): Promise<void>;
}

/** A port that was free a moment ago, on 127.0.0.1. */
export async function findFreePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has no address");
  return address.port;
}

/** A real nats-server for tests with keys of its own, on a free port; ended with the test process at the latest. */
export async function startTestNats(listenAddress = "127.0.0.1"): Promise<TestNats> {
  const dataDir = mkdtempSync(join(tmpdir(), "windrow-test-nats-"));
  return startOn({ dataDir, port: await findFreePort(), listenAddress });
}

interface Place {
  readonly dataDir: string;
  readonly port: number;
  readonly listenAddress: string;
}

async function startOn(place: Place): Promise<TestNats> {
  const { dataDir } = place;
  const server = await startNats({ ...place, logger: createLogger({ component: "test-nats", level: "warn" }) });
  const endAtExit = () => {
    process.kill(server.pid, "SIGKILL");
    rmSync(dataDir, { recursive: true, force: true });
  };
  process.once("exit", endAtExit);
  const stop = async () => {
    process.removeListener("exit", endAtExit);
    await server.stop();
  };
  return {
    ...server,
    stop,
    async restart(options = {}) {
      await stop();
      if (options.isStoreEmpty === true) rmSync(join(dataDir, "accounts"), { recursive: true, force: true });
      return startOn(place);
    },
    async remove() {
      await stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
