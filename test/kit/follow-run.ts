import { FOLLOW_MESSAGES } from "@windrow/contract";
import type { Farm } from "./farm.ts";

export interface Watched {
  /** Bytes by `attemptId/stream`, in the order in which they came. */
  readonly logs: Map<string, Buffer>;
  /** Chunks that did not begin where the one before had ended: none may exist. */
  readonly breaks: string[];
  conclusion: string | undefined;
}

/** Watches a run and its logs on one controller until the end of the run. */
export function followRun(
  farm: Farm,
  options: { runId: number; controller: number },
): { seen: Watched; ended: Promise<void> } {
  const seen: Watched = { logs: new Map(), breaks: [], conclusion: undefined };
  return { seen, ended: follow(farm, options, seen) };
}

async function follow(farm: Farm, options: { runId: number; controller: number }, seen: Watched): Promise<void> {
  const base = farm.controllers[options.controller]?.url ?? "";
  const response = await fetch(`${base}/api/v1/runs/${options.runId}/follow`, {
    method: "POST",
    headers: { authorization: `Bearer ${farm.adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ logs: true }),
  });
  if (!response.ok || response.body === null) throw new Error(`follow: ${response.status} ${await response.text()}`);
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      take(text.slice(0, end), seen);
      text = text.slice(end + 2);
    }
  }
}

function take(message: string, seen: Watched): void {
  const fields = new Map(
    message
      .split("\n")
      .filter((line) => !line.startsWith(":"))
      .map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")] as const;
      }),
  );
  const data = fields.get("data");
  if (data === undefined) return;
  if (fields.get("event") === "end")
    seen.conclusion = FOLLOW_MESSAGES.end.parse(JSON.parse(data)).conclusion ?? undefined;
  if (fields.get("event") !== "log") return;
  const chunk = FOLLOW_MESSAGES.log.parse(JSON.parse(data));
  const key = `${chunk.attempt_id}/${chunk.stream}`;
  const before = seen.logs.get(key) ?? Buffer.alloc(0);
  if (chunk.offset !== before.length) seen.breaks.push(`${key}: at ${chunk.offset}, expected ${before.length}`);
  seen.logs.set(key, Buffer.concat([before, Buffer.from(chunk.bytes, "base64")]));
}
