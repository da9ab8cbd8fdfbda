import { Refusal } from "@windrow/model";
import { countRunActions, findRunAction, hasRunAction, RUN_ACTIONS_MAX, recordRunAction } from "@windrow/store";
import { runGit } from "../git/run-git.ts";
import { createSlots } from "../git/slots.ts";
import { ActionTreeError, type TreePiece } from "./action-trees.ts";
import { type ActionReader, findSources } from "./find-sources.ts";
import { type LookUp, type LookUpDeps, type LookUpRequest, lookUpCommit, readCommit } from "./look-up-commit.ts";

/** A called workflow's file may have so much, like every workflow file. */
export const ACTION_FILE_BYTES_MAX = 512 * 1024;
const FILE_PATH_CHARS_MAX = 1_000;
/** Git servers that are asked, and trees that are packed, at the same time. */
const LOOK_UPS_MAX = 4;
const LINE_MAX = 1_000;

export interface RunActionRequest {
  readonly runId: number;
  readonly repository: string;
  readonly reader: ActionReader;
}

/** Actions and called workflows: where they are found, which commit they are, what stands in them. */
export interface Actions {
  /** The commit that this run has for the action, settled now if no job has asked before. */
  resolve(request: RunActionRequest & { readonly ref: string }): Promise<ResolvedAction>;
  /** A piece of the tar file of a commit that the run has resolved. Throws `not_found` for others. */
  readTree(
    request: RunActionRequest & { readonly sha: string; readonly offset: number; readonly bytesMax: number },
  ): Promise<TreePiece>;
  /** A text file at a ref, and the commit that the ref is. */
  readFile(request: LookUpRequest & { readonly path: string }): Promise<ActionFile>;
}

export type ResolvedAction =
  | { readonly kind: "sha"; readonly sha: string }
  | { readonly kind: "problem"; readonly problem: string };

export type ActionFile =
  | { readonly kind: "found"; readonly sha: string; readonly text: string }
  | { readonly kind: "problem"; readonly problem: string };

export function createActions(deps: LookUpDeps): Actions {
  const { db, trees } = deps;
  const slots = createSlots({ what: "look-ups of actions", max: LOOK_UPS_MAX, lineMax: LINE_MAX });
  const resolving = new Map<string, Promise<ResolvedAction>>();
  const never = new AbortController().signal;

  async function inSlot<T>(work: () => Promise<T>): Promise<T> {
    const giveBack = await slots.take(never);
    try {
      return await work();
    } finally {
      giveBack();
    }
  }

  /** With its tree, so that a commit nobody has is a problem of the resolution. */
  async function findAnew(request: LookUpRequest): Promise<ResolvedAction> {
    try {
      const found = await inSlot(() =>
        lookUpCommit(deps, request, async (sha, gitDir) => {
          if (!(await trees.has(sha))) await trees.put(sha, gitDir);
        }),
      );
      return found.kind === "found" ? { kind: "sha", sha: found.sha } : found;
    } catch (error) {
      if (!(error instanceof ActionTreeError)) throw error;
      return { kind: "problem", problem: `${request.repository}@${request.ref} cannot be used: ${error.message}` };
    }
  }

  async function resolveNow(request: RunActionRequest & { readonly ref: string }): Promise<ResolvedAction> {
    const { runId, repository, ref } = request;
    const known = await findRunAction(db, request);
    if (known !== undefined) return { kind: "sha", sha: known };
    if ((await countRunActions(db, runId)) >= RUN_ACTIONS_MAX) {
      return { kind: "problem", problem: `this run uses more than ${RUN_ACTIONS_MAX} actions` };
    }
    const found = await findAnew(request);
    if (found.kind === "problem") return found;
    return { kind: "sha", sha: await recordRunAction(db, runId, { repository, ref, sha: found.sha }) };
  }

  async function putAnew({ repository, reader, sha }: RunActionRequest & { readonly sha: string }): Promise<void> {
    const found = await findSources(deps, repository, reader);
    if (found.kind === "problem") throw new Refusal("not_found", found.problem);
    for (const source of found.sources) {
      const done = await inSlot(() =>
        readCommit(deps, { source, sha, repository }, (gitDir) => trees.put(sha, gitDir)),
      );
      if (done.kind === "done") return;
    }
    throw new Refusal("not_found", `no source of ${repository} has the commit ${sha} any more`);
  }

  return {
    resolve(request) {
      const key = `${request.runId} ${request.repository.toLowerCase()}@${request.ref}`;
      const asked = resolving.get(key) ?? resolveNow(request).finally(() => resolving.delete(key));
      resolving.set(key, asked);
      return asked;
    },
    async readTree(request) {
      const { sha, offset, bytesMax } = request;
      if (!(await hasRunAction(db, request))) {
        throw new Refusal("not_found", `this run has not resolved ${request.repository} to ${sha}`);
      }
      const kept = await trees.read(sha, offset, bytesMax);
      if (kept !== undefined) return kept;
      await putAnew(request);
      const piece = await trees.read(sha, offset, bytesMax);
      if (piece === undefined) throw new Error(`the tree of ${request.repository} at ${sha} went while it was read`);
      return piece;
    },
    async readFile(request) {
      const { repository, ref, path } = request;
      const found: LookUp<string | undefined> = await inSlot(() =>
        lookUpCommit(deps, request, (sha, gitDir) => readText(gitDir, sha, path)),
      );
      if (found.kind === "problem") return found;
      if (found.value === undefined) return { kind: "problem", problem: `${repository}@${ref} has no file '${path}'` };
      if (Buffer.byteLength(found.value) > ACTION_FILE_BYTES_MAX) {
        return {
          kind: "problem",
          problem: `'${path}' of ${repository}@${ref} has more than ${ACTION_FILE_BYTES_MAX} bytes`,
        };
      }
      return { kind: "found", sha: found.sha, text: found.value };
    },
  };

  function readText(gitDir: string, sha: string, path: string): Promise<string | undefined> {
    if (path.length > FILE_PATH_CHARS_MAX || path.startsWith("/") || path.split("/").includes("..")) {
      return Promise.resolve(undefined);
    }
    return runGit({ environment: deps.environment, folder: gitDir, argv: ["cat-file", "blob", `${sha}:${path}`] });
  }
}
