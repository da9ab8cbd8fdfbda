import { createHmac } from "node:crypto";

/**
 * The token with which the toolkit's clients speak to the results service of one job. A JWT, because they read from it
 * whose results these are; signed with the job's own token, so that an agent that restarts makes the same one again. Only
 * the gateway of this agent takes it.
 */
export function createRuntimeToken(job: {
  readonly jobToken: string;
  readonly runId: number;
  readonly jobId: number;
}): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: "windrow", scp: `Actions.Results:${job.runId}:${job.jobId}` };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", job.jobToken).update(signed).digest("base64url")}`;
}
