import type { StepDefinition, UsesStepDefinition } from "@windrow/model";
import type { StartNote } from "../journal/journal-records.ts";
import type { ActionPlace } from "./action-place.ts";
import type { OpenJob } from "./open-job.ts";
import type { StepLog } from "./step-log.ts";
import type { StepScope, StepView } from "./step-scope.ts";
import type { WorkEnd } from "./work-end.ts";

/** What ends a step before it is done. */
export interface StepEnds {
  /** Ends what began before it. */
  readonly stopped: AbortSignal;
  /** Ends everything; nothing may begin after it. */
  readonly halted: AbortSignal;
}

/** Where `$/` leads: the repository of the file that says it, at its own commit. */
export interface ActionSource {
  readonly repository: string;
  readonly sha: string;
}

/** Counts the parts of one step as they come up. */
export interface PartCounter {
  next(): number;
  skip(count: number): void;
  readonly count: number;
}

export function countParts(): PartCounter {
  let count = 0;
  return {
    next: () => ++count,
    skip: (more) => {
      count += more;
    },
    get count() {
      return count;
    },
  };
}

/** Where a step stands: in the job, or in a composite action that a step of the job uses. */
export interface StepFrame {
  readonly job: OpenJob;
  /** In reports; names the stream too. */
  readonly stepNo: number;
  readonly log: StepLog;
  readonly parts: PartCounter;
  readonly scope: StepScope;
  readonly ends: StepEnds;
  /** On the machine's boot clock; of the step of the plan. */
  readonly deadlineBootMs: number | undefined;
  /** Composite actions around the step. */
  readonly depth: number;
  /** Of the action around the step; see PostRecord. */
  readonly place: string;
  readonly source: ActionSource;
  /** The action around the step. */
  readonly action: ActionPlace | undefined;
  readonly defaults: { readonly shell?: string; readonly workingDirectory?: string };
  /** What the before-part of the step left, by place. */
  readonly preState: { readonly [place: string]: { readonly [name: string]: string } };
  /** How a step is done, whatever it is: composite actions lead back to it. */
  readonly doStep: (work: StepWork) => Promise<WorkEnd>;
}

/** A step that is decided to run. */
export interface StepWork {
  readonly frame: StepFrame;
  readonly step: StepDefinition;
  readonly view: StepView & { readonly stepEnv: ReadonlyMap<string, string> };
  readonly actionName: string;
  readonly note: StartNote;
  /** Of its own process, if it has one. */
  readonly backendNo: number;
}

export interface ActionWork extends StepWork {
  readonly step: UsesStepDefinition;
}

/** The stop of the job, or only the end of all patience for what began after that. */
export function whatEnds({ frame, note }: Pick<StepWork, "frame" | "note">): AbortSignal {
  return note.isAfterStop ? frame.ends.halted : frame.ends.stopped;
}
