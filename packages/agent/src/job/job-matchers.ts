import type { Annotation } from "@windrow/model";
import { type MatcherRun, type ProblemMatcher, parseProblemMatchers, startMatcher } from "@windrow/workflow";
import { createLineReader, type OutputLine } from "../logs/line-reader.ts";
import { readPlacedFile } from "./read-placed-file.ts";
import { runBounded } from "./run-bounded.ts";

export const MATCHERS_PER_JOB_MAX = 100;
export const MATCHER_FILE_BYTES_MAX = 256 * 1024;
/** Looked at in one go. */
const MATCH_LINES_MAX = 200;
/** For so many lines; a matcher that takes longer is taken away. */
export const MATCH_MS_MAX = 300;
/** For all output of one process; nothing else of the agent goes on meanwhile. */
export const MATCH_PROCESS_MS_MAX = 3_000;
/** For all processes of a job. */
export const MATCH_JOB_MS_MAX = 60_000;

/** Problem matchers of one job: they hold from the command that adds them to the end of the job. */
export interface JobMatchers {
  /** Reads a file that a step named. Answers a sentence when it cannot be used. */
  add(path: string): string | undefined;
  remove(which: { readonly owner?: string; readonly path?: string }): void;
  readonly count: number;
  /** What the workspace is called where steps run; files of remarks are named from there. */
  readonly workspaceNames: readonly string[];
  /** For the output of one process. */
  watch(options: MatcherWatchOptions): MatcherWatch;
}

export interface MatcherWatchOptions {
  readonly onAnnotation: (annotation: Annotation) => void;
  /** A sentence for people: a matcher was taken away. */
  readonly onTooSlow: (message: string) => void;
}

export interface MatcherWatch {
  push(raw: Buffer, rawOffset: number): void;
  end(): void;
}

export interface JobMatchersOptions {
  readonly workspaceDir: string;
  /** Where files of matchers may stand. */
  readonly rootDirs: readonly string[];
  /** Other names of the workspace, in containers. */
  readonly workspaceNames?: readonly string[];
  /** What the machine calls a file that a step names. */
  readonly find?: (path: string) => string;
}

export function createJobMatchers(options: JobMatchersOptions): JobMatchers {
  const { workspaceDir, rootDirs, workspaceNames = [], find = (path) => path } = options;
  let matchers: readonly ProblemMatcher[] = [];
  let spentOnJobMs = 0;

  function read(path: string): readonly ProblemMatcher[] | string {
    const file = readPlacedFile({
      path: find(path),
      fromDir: workspaceDir,
      rootDirs,
      bytesMax: MATCHER_FILE_BYTES_MAX,
    });
    if (file.kind === "missing") return "there is no such file";
    if (file.kind === "refused") return file.why;
    const parsed = parseProblemMatchers(file.text);
    return parsed.kind === "matchers" ? parsed.matchers : parsed.why;
  }

  const without = (owners: ReadonlySet<string>) => matchers.filter((one) => !owners.has(one.owner));

  return {
    workspaceNames: [workspaceDir, ...workspaceNames],
    get count() {
      return matchers.length;
    },
    add(path) {
      const added = read(path);
      const refused = (why: string) => `the problem matchers in '${path.slice(0, 200)}' are not used: ${why}`;
      if (typeof added === "string") return refused(added);
      // A later one of the same owner takes the place of the earlier one.
      const kept = without(new Set(added.map((one) => one.owner)));
      if (kept.length + added.length > MATCHERS_PER_JOB_MAX) {
        return refused(`a job may have ${MATCHERS_PER_JOB_MAX} matchers`);
      }
      matchers = [...kept, ...added];
      return undefined;
    },
    remove({ owner, path }) {
      const named = path === undefined ? [] : read(path);
      const owners = typeof named === "string" ? [] : named.map((one) => one.owner);
      matchers = without(new Set(owner === undefined ? owners : [owner]));
    },
    watch({ onAnnotation, onTooSlow }) {
      const reader = createLineReader();
      const runs = new Map<ProblemMatcher, MatcherRun>();
      let spentMs = 0;
      const isSpent = () => spentMs > MATCH_PROCESS_MS_MAX || spentOnJobMs > MATCH_JOB_MS_MAX;

      function take(lines: readonly OutputLine[]): void {
        if (lines.length === 0 || matchers.length === 0 || isSpent()) return;
        for (const matcher of matchers) {
          const beganMs = performance.now();
          const run = runs.get(matcher) ?? startMatcher(matcher);
          runs.set(matcher, run);
          const found: Annotation[] = [];
          const isDone = runBounded(() => {
            for (const { text } of lines) {
              const annotation = isCommand(text) ? undefined : run.take(withoutColour(text));
              if (annotation !== undefined) found.push(annotation);
            }
          }, MATCH_MS_MAX);
          for (const annotation of found) onAnnotation(annotation);
          const tookMs = performance.now() - beganMs;
          spentMs += tookMs;
          spentOnJobMs += tookMs;
          if (!isDone) {
            matchers = without(new Set([matcher.owner]));
            onTooSlow(`the problem matcher '${matcher.owner}' is taken away: it took longer than ${MATCH_MS_MAX} ms`);
          }
          if (!isSpent()) continue;
          onTooSlow("problem matchers look no further in this output: they have taken too long");
          return;
        }
      }

      return {
        push(raw, rawOffset) {
          if (matchers.length === 0) return;
          const lines = reader.push(raw, rawOffset);
          for (let at = 0; at < lines.length; at += MATCH_LINES_MAX) take(lines.slice(at, at + MATCH_LINES_MAX));
        },
        end() {
          const last = reader.end();
          if (last !== undefined) take([last]);
        },
      };
    },
  };
}

const isCommand = (line: string): boolean => line.trimStart().startsWith("::");

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const COLOUR = /\u001b\[[0-9;]*[mK]/g;
const withoutColour = (line: string): string => (line.includes("\u001b") ? line.replace(COLOUR, "") : line);
