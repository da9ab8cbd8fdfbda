import type { ActionDefinition } from "@windrow/model";

/** An action of a repository, as a step names it. */
export interface ActionRequest {
  /** `owner/name`. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly ref: string;
  /** Folder in the repository; empty for its root. */
  readonly path: string;
}

export type ActionAnswer =
  | {
      readonly kind: "opened";
      /** The action's own folder. The job's user can read all of the tree it stands in and change nothing. */
      readonly dir: string;
      readonly definition: ActionDefinition;
      /** The commit, the same one for every job of the run. */
      readonly sha: string;
    }
  /** A sentence for the step's log: there is no such repository, ref or action file. */
  | { readonly kind: "problem"; readonly why: string };

/** What a built-in action is told. */
export interface BuiltInRequest {
  /** `actions/setup-node`, …: in lower case. */
  readonly repository: string;
  readonly ref: string;
  /** Inputs as evaluated, names in lower case; those the step does not give are not there. */
  readonly inputs: ReadonlyMap<string, string>;
  /** The whole environment the step has; answers add to it. */
  readonly env: { readonly [name: string]: string };
  readonly workspaceDir: string;
  readonly homeDir: string;
  readonly tempDir: string;
  readonly toolCacheDir: string;
  /** Tools of the machine's own are not there, only those of the agent's folders. */
  readonly isInContainer?: boolean;
  /** Ends the step; calls made meanwhile reject with its reason. */
  readonly signal: AbortSignal;
}

export type BuiltInAnswer =
  /**
   * A process of the job's user; it may write to GITHUB_OUTPUT, GITHUB_ENV and GITHUB_PATH as every step may. Of what the
   * job set it sees nothing but what stands in `env`.
   */
  | {
      readonly kind: "run";
      readonly argv: readonly string[];
      readonly env: { readonly [name: string]: string };
      readonly post?: BuiltInPost;
    }
  /** Nothing is left to do. The lines of `say` are the step's log. */
  | {
      readonly kind: "done";
      readonly outputs: { readonly [name: string]: string };
      readonly env: readonly (readonly [name: string, value: string])[];
      /** Put in front of PATH; the last one first. */
      readonly paths: readonly string[];
      readonly say: readonly string[];
      readonly post?: BuiltInPost;
    }
  /** The step fails, with this sentence. */
  | { readonly kind: "refused"; readonly why: string };

/** What a built-in action does when the job's steps are over, whatever became of them. */
export interface BuiltInPost {
  readonly argv: readonly string[];
  readonly env: { readonly [name: string]: string };
}

export type NodeRuntime =
  /** A node that the job's user can execute; the warning is for the step's log. */
  | { readonly kind: "found"; readonly path: string; readonly warning?: string }
  | { readonly kind: "problem"; readonly why: string };

/** Where one job's steps get their actions from. Every answer must be the same when it is asked again after a restart. */
export interface ActionPort {
  /** Throws only for faults of the world and when `signal` aborts. */
  open(request: ActionRequest, signal: AbortSignal): Promise<ActionAnswer>;
  /** Whether the agent does this action by itself; `repository` in any case. */
  isBuiltIn(repository: string): boolean;
  /** Called for repositories that are built in only. */
  prepareBuiltIn(request: BuiltInRequest): Promise<BuiltInAnswer>;
  /** `using` as written: `node20`, `node24`, … */
  nodeRuntime(using: string): Promise<NodeRuntime>;
}
