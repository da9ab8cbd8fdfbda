import { createHash } from "node:crypto";
import { chmodSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { hasCode } from "@windrow/service";
import { makeDataRoot, makeFolder } from "./make-folder.ts";

/** Where a farm of one machine keeps its things. */
export interface DataFolder {
  readonly root: string;
  readonly postgres: string;
  readonly nats: string;
  /** The farm's certificate authority and what it issued. */
  readonly tls: string;
  readonly logs: string;
  /** Pid files. */
  readonly run: string;
  /** One folder per agent. */
  readonly agents: string;
  readonly adminTokenFile: string;
  readonly sampleFile: string;
  readonly farmFile: string;
}

/** What the controller keeps below the data folder: no job's user may read another repository or its log. */
const CONTROLLER_FOLDERS = ["blobs", "git", "git-control"];
/** Used when jobs, which run as users of their own, could not enter the data folder. */
const OPEN_AGENTS_ROOT = "/var/lib/windrow";

/**
 * Makes the data folder. Others may pass through it (Postgres and the jobs' users must, when we are root), but may list
 * nothing, and each folder with something to hide is closed by itself. Errors: CliError `usage` when it cannot be made.
 */
export function prepareDataFolder(dataDir: string): DataFolder {
  const root = makeDataRoot(dataDir);
  const folder: DataFolder = {
    root,
    postgres: path.join(root, "postgres"),
    nats: path.join(root, "nats"),
    tls: path.join(root, "tls"),
    logs: path.join(root, "logs"),
    run: path.join(root, "run"),
    agents: chooseAgentsFolder(root),
    adminTokenFile: path.join(root, "admin-token"),
    sampleFile: path.join(root, "sample.json"),
    farmFile: path.join(root, "farm.json"),
  };
  for (const closed of [
    folder.logs,
    folder.run,
    folder.nats,
    folder.tls,
    ...CONTROLLER_FOLDERS.map((name) => path.join(root, name)),
  ]) {
    makeFolder(closed, 0o700);
    chmodSync(closed, 0o700);
  }
  makeFolder(folder.agents, 0o711);
  return folder;
}

function chooseAgentsFolder(root: string): string {
  const inside = path.join(root, "agents");
  if (process.getuid?.() !== 0 || isOpenToAll(root)) return inside;
  const name = `agents-${createHash("sha256").update(root).digest("hex").slice(0, 12)}`;
  return path.join(OPEN_AGENTS_ROOT, name);
}

/** True when every user may pass through the folder and all that hold it. */
function isOpenToAll(folder: string): boolean {
  const isOpen = (statSync(folder).mode & 0o001) !== 0;
  const parent = path.dirname(folder);
  return isOpen && (parent === folder || isOpenToAll(parent));
}

/** The file's text, or undefined when there is none. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
