import { randomUUID } from "node:crypto";
import type { BlobStore } from "@windrow/blobs";
import type { Check } from "@windrow/contract";
import { type Database, listAgents } from "@windrow/store";
import type { Bus } from "@windrow/wire";
import type { SharedFolders } from "./shared-folders.ts";

/** What `doctor` looks at, from the controller's place. */
export async function checkFarm(deps: {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly bus: Bus | undefined;
  readonly shared: Pick<SharedFolders, "check">;
}): Promise<Check[]> {
  const [agents, blobs, shared] = await Promise.all([
    checkAgents(deps.db),
    checkBlobs(deps.blobs),
    checkShared(deps.shared),
  ]);
  return [...agents, blobs, ...shared, checkBus(deps.bus)];
}

async function checkShared(shared: Pick<SharedFolders, "check">): Promise<Check[]> {
  try {
    return await shared.check();
  } catch (error) {
    return [{ name: "shared folders", state: "failed", detail: describe(error) }];
  }
}

async function checkAgents(db: Database): Promise<Check[]> {
  try {
    const agents = await listAgents(db);
    const ready = agents.filter((agent) => agent.state === "ready");
    return [
      { name: "database", state: "ok", detail: "answers" },
      {
        name: "agents",
        state: ready.length > 0 ? "ok" : "warning",
        detail: `${ready.length} of ${agents.length} ready`,
      },
    ];
  } catch (error) {
    return [{ name: "database", state: "failed", detail: describe(error) }];
  }
}

async function checkBlobs(blobs: BlobStore): Promise<Check> {
  const key = `doctor/${randomUUID()}`;
  try {
    await blobs.put(key, Buffer.from(key));
    const isSame = Buffer.from(await blobs.get(key)).toString() === key;
    await blobs.delete(key);
    return {
      name: "blobs",
      state: isSame ? "ok" : "failed",
      detail: isSame ? "written and read" : "read back differently",
    };
  } catch (error) {
    return { name: "blobs", state: "failed", detail: describe(error) };
  }
}

function checkBus(bus: Bus | undefined): Check {
  if (bus === undefined) return { name: "nats", state: "warning", detail: "not configured: offers travel by gRPC" };
  return bus.state === "connected"
    ? { name: "nats", state: "ok", detail: "connected" }
    : {
        name: "nats",
        state: "warning",
        detail: `${bus.state}: offers travel by gRPC, up to a second later`,
        hint: "See that nats-server runs where --nats-url says, and uses the keys of --nats-keys-file",
      };
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
