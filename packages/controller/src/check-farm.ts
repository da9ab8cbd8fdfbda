import { randomUUID } from "node:crypto";
import type { BlobStore } from "@windrow/blobs";
import type { Check } from "@windrow/contract";
import type { Clock } from "@windrow/service";
import type { Database } from "@windrow/store";
import type { Bus, ProbeNatsOptions } from "@windrow/wire";
import { checkAgents } from "./checks/check-agents.ts";
import { checkCertificates } from "./checks/check-certificates.ts";
import { checkDatabase } from "./checks/check-database.ts";
import { checkDisk } from "./checks/check-disk.ts";
import { checkControllerGit } from "./checks/check-git.ts";
import { checkMachines } from "./checks/check-machines.ts";
import { checkNats } from "./checks/check-nats.ts";
import type { SharedFolders } from "./shared-folders.ts";

export interface CheckFarmDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly bus: Bus | undefined;
  /** How NATS is reached and what it is tried with; absent without NATS. */
  readonly natsProbe: ProbeNatsOptions | undefined;
  readonly shared: Pick<SharedFolders, "check">;
  readonly dataDir: string;
  /** Of git processes. */
  readonly gitEnv: Readonly<Record<string, string>>;
  /** PEM of the authority, and of what is shown to agents and to people. */
  readonly certificates: () => { readonly authority: string; readonly farm: string; readonly people: string };
  readonly clock: Clock;
}

/** Some checks log in elsewhere: whoever asks again so soon gets the same answer. */
const KEPT_MS = 2_000;

/**
 * What `doctor` looks at, from the controller's place. A check that cannot be made is a failed one; the others go on. All
 * who ask at the same time share one look.
 */
export function createFarmChecks(deps: CheckFarmDeps): () => Promise<Check[]> {
  let look: { readonly checks: Promise<Check[]>; readonly untilMs: number } | undefined;
  return () => {
    const nowMs = deps.clock.monotonicMs();
    if (look === undefined || look.untilMs <= nowMs) look = { checks: checkFarm(deps), untilMs: nowMs + KEPT_MS };
    return look.checks;
  };
}

async function checkFarm(deps: CheckFarmDeps): Promise<Check[]> {
  const { clock } = deps;
  const checks = await Promise.all([
    attempt("database", () => checkDatabase(deps)),
    attempt("agents", () => checkAgents(deps)),
    attempt("providers", () => checkMachines(deps)),
    attempt("blobs", async () => [await checkBlobs(deps.blobs)]),
    attempt("shared folders", () => deps.shared.check()),
    attempt("disk", async () => [await checkDisk(deps.dataDir)]),
    attempt("nats", () => checkNats(deps.bus, deps.natsProbe)),
    attempt("certificates", async () => checkCertificates(deps.certificates(), clock.nowMs())),
    attempt("controller's git", async () => [await checkControllerGit(deps.gitEnv)]),
  ]);
  return checks.flat();
}

async function attempt(name: string, check: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await check();
  } catch (error) {
    return [{ name, state: "failed", detail: error instanceof Error ? error.message : String(error) }];
  }
}

async function checkBlobs(blobs: BlobStore): Promise<Check> {
  const key = `doctor/${randomUUID()}`;
  await blobs.put(key, Buffer.from(key));
  const isSame = Buffer.from(await blobs.get(key)).toString() === key;
  await blobs.delete(key);
  return {
    name: "blobs",
    state: isSame ? "ok" : "failed",
    detail: isSame ? "written, read and deleted" : "read back differently",
  };
}
