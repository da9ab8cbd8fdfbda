/** Where the sources of a repository come from: a registry of packages, asked by its own client. */
export type RealSource =
  | { readonly kind: "debian"; readonly package: string; readonly suite: string }
  | { readonly kind: "pypi"; readonly package: string; readonly version: string }
  | { readonly kind: "npm"; readonly package: string; readonly version: string };

/** What starts the workflow: the push itself, or an event that is delivered with its document. */
export type RealEvent =
  | { readonly name: "push" }
  | { readonly name: "workflow_dispatch"; readonly inputs: Readonly<Record<string, string>> }
  | { readonly name: "pull_request"; readonly payload: (facts: PullRequestFacts) => Readonly<Record<string, unknown>> };

export interface PullRequestFacts {
  readonly repository: string;
  readonly sha: string;
  /** The commit before it, for the base. */
  readonly baseSha: string;
}

/** One workflow file of the folder of real ones, and how it is brought to run here. */
export interface RealCase {
  readonly file: string;
  /** None where no registry has them: the repository then holds the workflow file alone. */
  readonly source?: RealSource;
  readonly branch: string;
  readonly event: RealEvent;
  /** All jobs together; the run is cancelled then. */
  readonly withinMs: number;
  /** Tags of the last commit that the file wants to find. */
  readonly tags?: readonly string[];
  /** What cannot be green on any farm of one Linux machine, in a sentence; said in the table beside what happened. */
  readonly remark?: string;
}
