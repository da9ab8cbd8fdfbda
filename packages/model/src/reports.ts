import type { Conclusion, Outcome } from "./states.ts";

/** What an agent says of one step; a later report of the same step replaces an earlier one, states only go forward. */
export interface StepReport {
  /**
   * Index in the plan, from 0. Of n steps of a plan the one with index i has its after-part at n + i and its before-part at
   * 2n + i.
   */
  readonly stepNo: number;
  readonly name: string;
  readonly state: "running" | "finished";
  readonly outcome?: Outcome;
  readonly conclusion?: Conclusion;
  readonly exitCode?: number;
  readonly signal?: string;
  /** The system's own fault in a sentence (never mixed with the step's own output). */
  readonly fault?: string;
  readonly startedAtMs: number;
  readonly finishedAtMs?: number;
  /** With the report of the end. */
  readonly annotations?: readonly Annotation[];
  /** Markdown the step wrote for people, at most STEP_SUMMARY_BYTES_MAX; with the report of the end. */
  readonly summary?: string;
}

export const ANNOTATION_LEVELS = ["notice", "warning", "error"] as const;
export type AnnotationLevel = (typeof ANNOTATION_LEVELS)[number];

/** A remark about a place in the sources, made by a workflow command or a problem matcher. Lines and columns from 1. */
export interface Annotation {
  readonly level: AnnotationLevel;
  readonly message: string;
  readonly title?: string;
  readonly file?: string;
  readonly line?: number;
  readonly endLine?: number;
  readonly column?: number;
  readonly endColumn?: number;
}

/** As documented: of each level and step. */
export const ANNOTATIONS_PER_LEVEL_MAX = 10;
export const ANNOTATION_MESSAGE_CHARS_MAX = 4_096;
export const STEP_SUMMARY_BYTES_MAX = 1024 * 1024;

/** Proof that a job's processes are gone. */
export interface Receipt {
  readonly processesEndedCount: number;
  readonly leftCount: number;
  readonly tookMs: number;
  readonly containment: "pid-namespace" | "cgroup" | "best-effort";
}

/** Final length and SHA-256 (hex) of one stream, of the bytes as shipped and stored. */
export interface StreamSeal {
  readonly stream: StreamName;
  readonly lengthBytes: number;
  readonly sha256: string;
  /** Of a log beyond its limit: from this byte on, bytes that the step produced are missing, and how many it produced. */
  readonly truncation?: { readonly truncatedAt: number; readonly producedBytes: number };
}

/** `system` (headers, checkout, agent messages) or the number of a step in the plan. */
export type StreamName = "system" | `${number}`;

export interface FinishReport {
  readonly outcome: Outcome;
  /** Why, in a word the tables know, for example `step_failed`, `timeout`, `cancelled`, `infra_fault`. */
  readonly reason: string;
  readonly message?: string;
  readonly outputs: { readonly [name: string]: string };
  readonly seals: readonly StreamSeal[];
  readonly receipt: Receipt;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}
