import { BackendFault } from "../backend-fault.ts";

/** What the engine says while it works, one object a line. */
export interface EngineNews {
  readonly status?: string;
  readonly id?: string;
  readonly stream?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: { readonly ID?: string };
}

const LINE_CHARS_MAX = 1 << 20;

/** Calls `take` for each piece of news. Throws what the engine says is wrong, and when its answer is no news. */
export async function followProgress(stream: NodeJS.ReadableStream, take: (news: EngineNews) => void): Promise<void> {
  stream.setEncoding("utf8");
  let rest = "";
  for await (const chunk of stream) {
    rest += chunk;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_CHARS_MAX) throw new BackendFault("engine_failed", "the engine's answer is not understood");
    for (const line of lines) if (line.trim() !== "") take(readNews(line));
  }
  if (rest.trim() !== "") take(readNews(rest));
}

function readNews(line: string): EngineNews {
  const news: unknown = JSON.parse(line);
  if (typeof news !== "object" || news === null) return {};
  const { error } = news as EngineNews;
  if (error !== undefined) throw new Error(error);
  return news;
}
