import type { StepExit } from "@windrow/backends";
import { concludeStep, type Outcome } from "@windrow/model";
import type { PostRecord, StepResult } from "../journal/journal-records.ts";
import type { OpenJob } from "./open-job.ts";

/** How what a step does ended, and what it left. */
export interface WorkEnd {
  readonly outcome: Outcome;
  /** Of its one process. */
  readonly exit?: StepExit;
  /** Of the part that failed, where it had several. */
  readonly exitCode?: number;
  /** A sentence about the step; it may quote what the workflow says. */
  readonly fault?: string;
  readonly outputs?: { readonly [name: string]: string };
  readonly env?: readonly (readonly [name: string, value: string])[];
  readonly paths?: readonly string[];
  /** Of its one process. */
  readonly state?: { readonly [name: string]: string };
  /** Of actions, by place. */
  readonly states?: { readonly [place: string]: { readonly [name: string]: string } };
  readonly posts?: readonly PostRecord[];
  readonly summaryFiles?: readonly string[];
}

export interface ResultFacts {
  readonly stepNo: number;
  readonly name: string;
  readonly continueOnError: boolean;
  readonly startedAtMs: number;
}

/** Of what people read; cut when it is redacted, so that nobody reads half of a secret. */
export const FAULT_CHARS_MAX = 2_000;

/** What is written down of a step, or part of one, that is over; its log comes from elsewhere. */
export function toResult(job: OpenJob, facts: ResultFacts, end: WorkEnd): StepResult {
  const { exit, fault, states, posts, summaryFiles } = end;
  const exitCode = exit?.exitCode ?? end.exitCode;
  return {
    stepNo: facts.stepNo,
    name: facts.name,
    outcome: end.outcome,
    conclusion: concludeStep(end.outcome, facts.continueOnError),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(exit?.signal === undefined ? {} : { signal: exit.signal }),
    ...(fault === undefined ? {} : { fault: job.logs.redact(fault).slice(0, FAULT_CHARS_MAX) }),
    outputs: end.outputs ?? {},
    env: end.env ?? [],
    paths: end.paths ?? [],
    ...(isEmpty(states) ? {} : { state: states }),
    ...(isEmpty(posts) ? {} : { posts }),
    ...(isEmpty(summaryFiles) ? {} : { summaryFiles }),
    startedAtMs: exit?.startedAtMs ?? facts.startedAtMs,
    finishedAtMs: exit?.endedAtMs ?? job.clock.nowMs(),
    parts: [],
  };
}

const isEmpty = (value: object | undefined): value is undefined =>
  value === undefined || Object.keys(value).length === 0;
