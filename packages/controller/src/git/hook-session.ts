import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import type { RefUpdate } from "@windrow/store";

export const REF_UPDATES_MAX = 1_000;
export const PUSH_OPTIONS_MAX = 64;
/** A hook's line: two ids and a ref, or an option. */
const LINE_CHARS_MAX = 4_096;

/** What a hook asked, whole. */
export interface HookRequest {
  readonly hook: "pre-receive" | "post-receive";
  readonly options: readonly string[];
  readonly updates: readonly RefUpdate[];
  /** Set when a limit was passed: the rest was not kept. */
  readonly excess?: string;
}

/** Lines for the pushing terminal, then the verdict. */
export interface HookReply {
  say(line: string): void;
}

export interface HookSession {
  /** For the environment of git. */
  readonly dir: string;
  /** Call when git ended. */
  close(): Promise<void>;
}

/**
 * A pair of FIFOs through which the hooks of one push talk to this process. `answer` is called once per hook; true lets
 * git go on, false refuses (which only matters before the refs are updated).
 */
export async function openHookSession(options: {
  readonly sessionsDir: string;
  readonly answer: (request: HookRequest, reply: HookReply) => Promise<boolean>;
}): Promise<HookSession> {
  const dir = await mkdtemp(join(options.sessionsDir, "push-"));
  const upPath = join(dir, "up");
  const downPath = join(dir, "down");
  await makeFifos([upPath, downPath]);
  // opened for both directions: opening never blocks and reading never ends before we close
  const up = new Socket({
    fd: openSync(upPath, constants.O_RDWR | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
  const down = new Socket({
    fd: openSync(downPath, constants.O_RDWR | constants.O_NONBLOCK),
    readable: false,
    writable: true,
  });
  let isClosed = false;
  const write = (line: string): void => {
    if (!isClosed) down.write(`${line}\n`);
  };
  // a push that goes away mid-way breaks its pipes; git's own exit is what is judged
  up.on("error", () => up.destroy());
  down.on("error", () => down.destroy());

  const collect = createCollector((request) => {
    const reply: HookReply = { say: (line) => write(`say ${line.replace(/[\r\n]+/g, " ")}`) };
    void options.answer(request, reply).then(
      (ok) => write(ok ? "ok" : "refuse"),
      (error: unknown) => {
        reply.say(`windrow: ${error instanceof Error ? error.message : String(error)}`);
        write("refuse");
      },
    );
  });
  let rest = "";
  up.setEncoding("utf8");
  up.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(0, LINE_CHARS_MAX);
    for (const line of lines) collect(line.slice(0, LINE_CHARS_MAX));
  });

  return {
    dir,
    async close() {
      isClosed = true;
      up.destroy();
      down.destroy();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const UPDATE_PATTERN = /^update ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (.+)$/;

/** Puts the lines of one hook together and hands them on at its `end`. */
function createCollector(deliver: (request: HookRequest) => void): (line: string) => void {
  let hook: HookRequest["hook"] | undefined;
  let options: string[] = [];
  let updates: RefUpdate[] = [];
  let excess: string | undefined;
  return (line) => {
    if (line === "pre-receive" || line === "post-receive") {
      hook = line;
      options = [];
      updates = [];
      excess = undefined;
    } else if (line.startsWith("option ")) {
      if (options.length < PUSH_OPTIONS_MAX) options.push(line.slice("option ".length));
      else excess = `more than ${PUSH_OPTIONS_MAX} push options`;
    } else if (line === "end" && hook !== undefined) {
      deliver({ hook, options, updates, ...(excess === undefined ? {} : { excess }) });
      hook = undefined;
    } else {
      const [, beforeSha, afterSha, ref] = UPDATE_PATTERN.exec(line) ?? [];
      if (beforeSha === undefined || afterSha === undefined || ref === undefined) return;
      if (updates.length < REF_UPDATES_MAX) updates.push({ beforeSha, afterSha, ref });
      else excess = `more than ${REF_UPDATES_MAX} refs in one push`;
    }
  };
}

async function makeFifos(paths: readonly string[]): Promise<void> {
  const child = spawn("mkfifo", ["-m", "600", ...paths], { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(0, 1_000);
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`mkfifo failed: ${complaint.trim()}`);
}
