/** One of the processes a farm of one machine is made of. */
export interface FarmPart {
  /** As people see it: "postgres", "agent-1". */
  readonly name: string;
  /** Starts it and resolves when it can do its work. May be called again after it ended. Throws a sentence for people. */
  start(): Promise<RunningPart>;
}

export interface RunningPart {
  readonly pid: number;
  /** True when it was left running by an earlier start and taken over. */
  readonly isAdopted?: boolean;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Idempotent; complete when it resolves. Once `hurry` aborts, graces are cut short. */
  stop(hurry: AbortSignal): Promise<void>;
}
