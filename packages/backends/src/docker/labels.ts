import { createHash } from "node:crypto";

export const LABEL_AGENT = "windrow.agent";
export const LABEL_ATTEMPT = "windrow.attempt";
export const LABEL_ROLE = "windrow.role";
/** A service's name, or a step's number. */
export const LABEL_NAME = "windrow.name";

/** `holder`: has the job's network; `job`: steps run in it; `service`; `step`: a step that is a container of its own. */
export type ContainerRole = "holder" | "job" | "service" | "step";

export interface Owner {
  readonly agentId: string;
  readonly attemptId: string;
}

export function labelsOf({ agentId, attemptId }: Owner): { [name: string]: string } {
  return { [LABEL_AGENT]: agentId, [LABEL_ATTEMPT]: attemptId };
}

/** Unique on the machine's engine, which several agents may use. */
export function nameOf({ agentId, attemptId }: Owner, ...rest: readonly string[]): string {
  const agent = createHash("sha256").update(agentId).digest("hex").slice(0, 8);
  return ["windrow", agent, attemptId, ...rest].map((part) => part.replace(/[^\w.-]/g, "-")).join("-");
}
