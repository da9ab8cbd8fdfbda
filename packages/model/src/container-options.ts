import { CONTAINER_OPTIONS, type OptionsDraft, SHORT_OPTIONS } from "./container-option-table.ts";
import type { ContainerAllowances } from "./job-policy.ts";
import { splitWords } from "./split-words.ts";

/** How an engine finds out that what runs in a container is ready; `none`: not even as the image says. */
export type ContainerHealth =
  | "none"
  | {
      /** Run by the container's shell. */
      readonly command?: string;
      readonly intervalMs?: number;
      readonly timeoutMs?: number;
      readonly startPeriodMs?: number;
      readonly retries?: number;
    };

/** What a workflow's `options` for a container come to. Only what was written is there. */
export interface ContainerOptions {
  readonly env: { readonly [name: string]: string };
  readonly entrypoint?: string;
  /** `name|uid[:group|gid]`. */
  readonly user?: string;
  readonly groups: readonly string[];
  /** Absolute. */
  readonly cwd?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly platform?: string;
  readonly health?: ContainerHealth;
  readonly shmBytes?: number;
  readonly memoryBytes?: number;
  /** Memory and swap together; -1: no limit. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly processesMax?: number;
  readonly cpus?: number;
  readonly cpuShares?: number;
  readonly cpuSet?: string;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  /** Folder to mount options. */
  readonly tmpfs: { readonly [folder: string]: string };
  readonly labels: { readonly [name: string]: string };
  readonly hasInit: boolean;
  readonly isReadOnly: boolean;
  /** `name:address`. */
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly capDrop: readonly string[];
  /** Beyond what every container has: allowed ones. */
  readonly capAdd: readonly string[];
  readonly devices: readonly string[];
  readonly isPrivileged: boolean;
  readonly hostNamespaces: readonly ("network" | "pid" | "ipc")[];
  /** As `-v` has them; whether their folders may be named shows where the job runs. */
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  /** Names on the job's network beside its own. */
  readonly aliases: readonly string[];
}

/** Longer ones are no options that somebody wrote. */
const TEXT_CHARS_MAX = 16_384;

/**
 * Reads options for `docker create` as people write them, by an allow-list. Split into words as a shell does, without any
 * of its substitutions. The problem names every option that is refused, and what an admin can do where one can.
 */
export function readContainerOptions(
  text: string,
  allowances: ContainerAllowances,
): { readonly options: ContainerOptions } | { readonly problem: string } {
  if (text.length > TEXT_CHARS_MAX) return { problem: `the options are longer than ${TEXT_CHARS_MAX} characters` };
  const split = splitWords(text);
  if ("problem" in split) return { problem: `the options cannot be read: ${split.problem}` };
  const draft: OptionsDraft = {
    env: {},
    groups: [],
    ulimits: [],
    tmpfs: {},
    labels: {},
    hasInit: false,
    isReadOnly: false,
    extraHosts: [],
    dns: [],
    capDrop: [],
    capAdd: [],
    devices: [],
    isPrivileged: false,
    hostNamespaces: [],
    volumes: [],
    ports: [],
    aliases: [],
  };
  const problems: string[] = [];
  const words = [...split.words];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    for (const { name, written, value } of readOption(word)) {
      const rule = Object.hasOwn(CONTAINER_OPTIONS, name) ? CONTAINER_OPTIONS[name] : undefined;
      const given = rule === undefined ? "" : (value ?? (rule.isFlag === true ? "true" : words.shift()));
      if (rule === undefined) problems.push(describeUnknown(written));
      else if (given === undefined) problems.push(`${written} needs a value`);
      else {
        const why = rule.take(draft, given, allowances);
        if (why !== undefined) problems.push(`${written} is refused: ${why}`);
      }
    }
  }
  return problems.length === 0 ? { options: draft } : { problem: problems.join("; ") };
}

interface WrittenOption {
  /** The long name. */
  readonly name: string;
  readonly written: string;
  readonly value?: string;
}

/** `--name`, `--name=value`, `-n`, `-nvalue`, `-n=value`, and flags together: `-it`. */
function readOption(word: string): WrittenOption[] {
  const [, long, , longValue] = /^--([^=]+)(=(.*))?$/s.exec(word) ?? [];
  if (long !== undefined)
    return [{ name: long, written: `--${long}`, ...(longValue !== undefined && { value: longValue }) }];
  if (!/^-[^-]/.test(word)) return [{ name: "", written: word }];
  const read: WrittenOption[] = [];
  for (let at = 1; at < word.length; at++) {
    const short = word.charAt(at);
    const name = Object.hasOwn(SHORT_OPTIONS, short) ? (SHORT_OPTIONS[short] ?? "") : "";
    const written = `-${short}`;
    if (name !== "" && CONTAINER_OPTIONS[name]?.isFlag === true) {
      read.push({ name, written });
      continue;
    }
    const value = word.slice(at + 1).replace(/^=/, "");
    return [...read, { name, written, ...(value !== "" && { value }) }];
  }
  return read;
}

function describeUnknown(written: string): string {
  if (!written.startsWith("-")) return `"${written}" is no option`;
  return `${written} is not one of the options that a container of a job can have`;
}
