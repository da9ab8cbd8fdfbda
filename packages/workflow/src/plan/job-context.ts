import type { Plan, Value } from "@windrow/model";

/** What the agent knows of the job by now. */
export interface JobContextFacts {
  readonly status: "success" | "failure" | "cancelled";
  readonly container?: { readonly id: string; readonly network: string };
  readonly services?: {
    readonly [name: string]: {
      readonly id: string;
      readonly network: string;
      /** Port in the container → port on the machine. */
      readonly ports: { readonly [port: string]: string };
    };
  };
}

/** The `job` context; the file it names is the one the job stands in, also where that was called. */
export function jobContext(
  { source }: Pick<Plan, "source">,
  { status, container, services }: JobContextFacts,
): { readonly [name: string]: Value } {
  return {
    status,
    container: { ...container },
    services: { ...services },
    workflow_ref: `${source.repository}/${source.path}@${source.ref}`,
    workflow_sha: source.sha,
    workflow_repository: source.repository,
    workflow_file_path: source.path,
  };
}
