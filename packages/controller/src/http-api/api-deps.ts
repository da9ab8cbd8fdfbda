import type { Authority } from "@windrow/certificates";
import type { Clock, Logger } from "@windrow/service";
import type { Database } from "@windrow/store";
import type { GitEnvironment } from "../git/git-environment.ts";
import type { ReaderPool } from "../git/reader-pool.ts";
import type { Installer } from "../install/create-installer.ts";
import type { Intake } from "../intake/create-intake.ts";
import type { UpgradeKeeper } from "../upgrades/keep-upgrades.ts";
import type { Authenticator } from "./authenticate.ts";
import type { FarmPort } from "./farm-port.ts";
import type { Links } from "./present/present-run.ts";

/** What handlers work with. */
export interface ApiDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intake: Pick<Intake, "startRun" | "dispatch" | "readDefault">;
  readonly environment: GitEnvironment;
  readonly reader: ReaderPool;
  readonly authenticator: Authenticator;
  readonly farm: FarmPort;
  readonly links: Links;
  readonly version: string;
  readonly installer: Installer;
  readonly upgrades: Pick<UpgradeKeeper, "tellDrains">;
  /** Where agents find the controller's gRPC, and NATS: what joining answers. */
  readonly grpcAddress: () => string;
  readonly natsUrls: readonly string[];
  /** Issues agents' certificates; join tokens carry its fingerprint. */
  readonly authority: Authority;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}
