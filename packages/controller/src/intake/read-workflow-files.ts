import type { ReaderPool } from "../git/reader-pool.ts";
import type { GitObject } from "../git/repository-reader.ts";
import { readLanguage, SETTINGS_BYTES_MAX, SETTINGS_PATH } from "./check-settings.ts";
import { readConventionalFile } from "./conventional-file.ts";

export const WORKFLOW_FILE_BYTES_MAX = 512 * 1024;
export const WORKFLOW_FILES_MAX = 100;
const TREE_BYTES_MAX = 1024 * 1024;
const COMMIT_BYTES_MAX = 256 * 1024;

/** Where workflow files are looked for; the first folder that has one wins. */
export const WORKFLOW_FOLDERS = [".windrow/workflows", ".github/workflows"] as const;

export interface WorkflowFile {
  readonly path: string;
  /** Null when the file is larger than the limit. */
  readonly text: string | null;
  readonly sizeBytes: number;
  /** Of the conventional workflow, which stands in no commit: what the project is written in. */
  readonly language?: string;
}

export interface CommitFacts {
  readonly sha: string;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  /** Seconds since 1970. */
  readonly committedAt: number;
}

export interface CommitContent {
  readonly commit: CommitFacts;
  readonly files: readonly WorkflowFile[];
  /** `.windrow/settings.yml`, where there is one. */
  readonly settings?: WorkflowFile;
  /** What stands in the root, by name. */
  readonly rootNames: readonly string[];
  /** How many files there are beyond the limit, which were not read. */
  readonly filesLeftOut: number;
}

/** The commit that `name` leads to and its workflow files; undefined when it leads to no commit (a tag of a file, say). */
export async function readWorkflowFiles(
  reader: ReaderPool,
  folder: string,
  name: string,
): Promise<CommitContent | undefined> {
  const root = `${name}^{commit}`;
  const [commit, blob, top, ...trees] = await Promise.all([
    reader.read(folder, root, COMMIT_BYTES_MAX),
    reader.read(folder, `${root}:${SETTINGS_PATH}`, SETTINGS_BYTES_MAX),
    reader.read(folder, `${root}:`, TREE_BYTES_MAX),
    ...WORKFLOW_FOLDERS.map((path) => reader.read(folder, `${root}:${path}`, TREE_BYTES_MAX)),
  ]);
  if (commit?.type !== "commit") return undefined;
  const entries = readEntries(top);
  const settings = readSettings(blob);
  const facts = {
    commit: readCommit(commit.oid, commit.bytes),
    rootNames: entries.map((entry) => entry.name),
    ...(settings !== undefined && { settings }),
  };
  for (const [index, tree] of trees.entries()) {
    const wanted = readEntries(tree).filter((entry) => entry.isFile && /\.ya?ml$/.test(entry.name));
    if (wanted.length === 0) continue;
    const files = await Promise.all(
      wanted.slice(0, WORKFLOW_FILES_MAX).map(async (entry): Promise<WorkflowFile> => {
        const blob = await reader.read(folder, entry.oid, WORKFLOW_FILE_BYTES_MAX);
        const path = `${WORKFLOW_FOLDERS[index]}/${entry.name}`;
        return { path, text: blob?.bytes?.toString("utf8") ?? null, sizeBytes: blob?.sizeBytes ?? 0 };
      }),
    );
    return { ...facts, files, filesLeftOut: wanted.length - files.length };
  }
  const conventional = await readConventionalFile({ reader, folder }, entries, readLanguage(settings));
  return { ...facts, files: conventional === undefined ? [] : [conventional], filesLeftOut: 0 };
}

function readSettings(blob: GitObject | undefined): WorkflowFile | undefined {
  if (blob?.type !== "blob") return undefined;
  return { path: SETTINGS_PATH, text: blob.bytes?.toString("utf8") ?? null, sizeBytes: blob.sizeBytes };
}

export interface TreeEntry {
  readonly name: string;
  readonly oid: string;
  readonly isFile: boolean;
}

function readEntries(tree: GitObject | undefined): TreeEntry[] {
  return tree?.type === "tree" && tree.bytes !== null ? readTree(tree.bytes) : [];
}

/** Entries of a raw tree object: `<mode> <name>\0<20 or 32 bytes of id>`, repeated. */
function readTree(bytes: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const oidBytes = 20;
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const zero = bytes.indexOf(0x00, space);
    if (space < 0 || zero < 0) break;
    entries.push({
      name: bytes.subarray(space + 1, zero).toString("utf8"),
      oid: bytes.subarray(zero + 1, zero + 1 + oidBytes).toString("hex"),
      isFile: bytes.subarray(at, at + 3).toString("latin1") === "100",
    });
    at = zero + 1 + oidBytes;
  }
  return entries;
}

function readCommit(sha: string, bytes: Buffer | null): CommitFacts {
  const text = bytes?.toString("utf8") ?? "";
  const end = text.indexOf("\n\n");
  const head = end < 0 ? text : text.slice(0, end);
  const [, name = "", email = ""] = /^author (.*?) ?<([^>]*)>/m.exec(head) ?? [];
  const committedAt = Number(/^committer .*> (\d+) /m.exec(head)?.[1] ?? 0);
  return { sha, message: end < 0 ? "" : text.slice(end + 2), author: { name, email }, committedAt };
}
