import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { SlotUser } from "@windrow/backends";
import { TRUSTS, type Trust } from "@windrow/model";
import { hasCode } from "@windrow/service";

/** Which jobs share a mirror: what an untrusted run does must not be near what trusted ones read. */
export interface MirrorKey {
  /** `owner/name`. */
  readonly repository: string;
  readonly trust: Trust;
}

/** What the agent notes of a mirror. */
export interface MirrorNote extends MirrorKey {
  /** Bytes of each pack: one that is missing or has another size says that the mirror is damaged. */
  readonly packs: { readonly [name: string]: number };
  readonly bytes: number;
  /** The repository is so small that a mirror would only cost: there are no objects here. */
  readonly isSmall: boolean;
  /** git writes into it; one that an agent before this one left so is not trusted. */
  readonly isChanging: boolean;
  readonly lookedAtMs: number;
}

/** Cannot be guessed: whoever knows it can read the objects. */
export const newMirrorName = (): string => randomBytes(20).toString("hex");

export const gitDirOf = (folder: string): string => join(folder, "git");

const NOTE = "note.json";

/** A folder that the agent owns and jobs walk through, with an empty bare repository in it that `user` owns. */
export function makeMirrorFolder(folder: string, user: SlotUser | undefined): void {
  mkdirSync(folder, { mode: 0o711 });
  chmodSync(folder, 0o711);
  const git = gitDirOf(folder);
  const own = (path: string, mode: number) => {
    chmodSync(path, mode);
    if (user !== undefined) chownSync(path, user.uid, user.gid);
  };
  for (const part of ["", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"]) {
    mkdirSync(join(git, part));
    own(join(git, part), 0o755);
  }
  for (const [name, text] of [
    ["HEAD", "ref: refs/heads/main\n"],
    ["config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tsharedRepository = 0644\n"],
  ] as const) {
    writeFileSync(join(git, name), text);
    own(join(git, name), 0o644);
  }
}

export function writeNote(folder: string, note: MirrorNote): void {
  const draft = join(folder, `${NOTE}.new`);
  writeFileSync(draft, JSON.stringify(note), { mode: 0o600 });
  renameSync(draft, join(folder, NOTE));
}

/** Undefined for what is no note, or half of one. */
export function readNote(folder: string): MirrorNote | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(join(folder, NOTE), "utf8"));
    return isNote(note) ? note : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

function isNote(note: unknown): note is MirrorNote {
  if (typeof note !== "object" || note === null) return false;
  const of = (name: string): unknown => Reflect.get(note, name);
  return (
    typeof of("repository") === "string" &&
    TRUSTS.some((trust) => trust === of("trust")) &&
    typeof of("packs") === "object" &&
    of("packs") !== null &&
    typeof of("bytes") === "number" &&
    typeof of("isSmall") === "boolean" &&
    typeof of("isChanging") === "boolean" &&
    typeof of("lookedAtMs") === "number"
  );
}

/** The packs that are there now, with their indexes. */
export function readPacks(folder: string): { [name: string]: number } {
  const dir = join(gitDirOf(folder), "objects/pack");
  const packs: { [name: string]: number } = {};
  for (const name of readdirSync(dir)) {
    if (/^pack-[0-9a-f]+\.(?:pack|idx)$/.test(name)) packs[name] = statSync(join(dir, name)).size;
  }
  return packs;
}

/** Whether all that was noted is there, in its size. */
export function isWhole(folder: string, { packs, isSmall }: MirrorNote): boolean {
  if (isSmall) return true;
  const dir = join(gitDirOf(folder), "objects/pack");
  return Object.entries(packs).every(([name, bytes]) => {
    const file = join(dir, name);
    return existsSync(file) && statSync(file).size === bytes;
  });
}

/** What a git that was ended leaves, and what would keep the next one from writing. */
export function removeRemains(folder: string): void {
  const git = gitDirOf(folder);
  for (const dir of ["", "refs/heads", "refs/tags", "objects/pack"]) {
    const at = join(git, dir);
    for (const name of existsSync(at) ? readdirSync(at) : []) {
      if (name.endsWith(".lock") || name.startsWith("tmp_")) rmSync(join(at, name), { force: true });
    }
  }
}
