import type { Farm } from "./farm.ts";

/** The bytes of one stream of a job, by the HTTP API, as a person would download them. */
export async function readLog(
  farm: Farm,
  options: { jobId: number; stream: string; attempt?: number; controller?: number },
): Promise<Buffer> {
  const query = new URLSearchParams({ stream: options.stream });
  if (options.attempt !== undefined) query.set("attempt", String(options.attempt));
  const base = farm.controllers[options.controller ?? 0]?.url ?? farm.url;
  const response = await fetch(`${base}/api/v1/jobs/${options.jobId}/logs?${query}`, {
    headers: { authorization: `Bearer ${farm.adminToken}` },
  });
  if (!response.ok) throw new Error(`log of job ${options.jobId}: ${response.status} ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}
