import { ensureServerCertificate, serverNames } from "@windrow/certificates";
import type { RunningNats } from "@windrow/embedded";
import { type Loop, startLoop } from "@windrow/service";
import type { FarmContext } from "./farm-parts.ts";
import type { UpTls } from "./prepare-tls.ts";

const LOOK_EVERY_MS = 3_600_000;

/** Keeps nats-server's certificate from ending, and tells the server of every new one. */
export function renewNatsCertificate(
  { options, clock, logger }: Pick<FarmContext, "options" | "clock" | "logger">,
  { authority }: NonNullable<UpTls["agents"]>,
  nats: () => RunningNats | undefined,
): Loop {
  let shown: string | undefined;
  return startLoop({
    name: "nats certificate",
    everyMs: LOOK_EVERY_MS,
    clock,
    logger,
    async runOnce() {
      const names = serverNames(options);
      const { cert } = await ensureServerCertificate({ authority, names, nowMs: clock.nowMs() });
      // the first time, too: a server that was taken over may show an older one
      if (cert !== shown) nats()?.reload();
      shown = cert;
    },
  });
}
