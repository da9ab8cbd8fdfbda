import { randomUUID } from "node:crypto";
import type { FollowMessageName, Job, LogStream } from "@windrow/contract";
import { asJobId } from "@windrow/model";
import { concludeRunRow, inTransaction, settleJobs } from "@windrow/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanLog } from "../src/page/clean-log.ts";
import { type Edge, startEdge } from "./edge-kit.ts";

const CI = "name: ci\non: push\njobs:\n  a:\n    runs-on: linux\n    steps: [{run: make}, {run: make test}]\n";
const LOG = Buffer.concat([
  Buffer.from("plain <script>alert(1)</script>\r\n\u001b[31mred\u001b[0m \u001b]0;title\u0007end\n"),
  Buffer.from([0xff, 0xfe, 0x0a]),
]);

interface Message {
  readonly id: string | undefined;
  readonly name: FollowMessageName;
  readonly data: Record<string, unknown>;
}

let edge: Edge;
let token: string;
beforeAll(async () => {
  edge = await startEdge({
    farm: {
      readLog: async function* ({ from, to }) {
        yield LOG.subarray(from, to);
      },
      tailLog: async function* ({ from }) {
        const offset = from.get("0") ?? 0;
        if (offset < LOG.length) yield { stream: "0", offset, bytes: LOG.subarray(offset) };
      },
    },
  });
  token = await edge.makeToken();
  await edge.addAgent(["linux"]);
});
afterAll(() => edge.stop());

/** A run whose only job was started once by an agent and has a log. */
async function startedRun(name: string, title = "first"): Promise<{ runId: number; jobId: number; attemptId: string }> {
  const tree = await edge.makeWorkTree({});
  await tree.commit({ ".windrow/workflows/ci.yml": CI }, title);
  await tree.push({ token, name });
  const { id: jobId, run_id: runId } = await edge.db
    .selectFrom("jobs")
    .innerJoin("repositories", "repositories.id", "jobs.repository_id")
    .select(["jobs.id", "jobs.run_id"])
    .where("repositories.name", "=", name)
    .executeTakeFirstOrThrow();
  const agent = await edge.db.selectFrom("agents").select("id").executeTakeFirstOrThrow();
  const attemptId = randomUUID();
  const now = new Date();
  await edge.db
    .insertInto("attempts")
    .values({
      id: attemptId,
      job_id: jobId,
      no: 1,
      agent_id: agent.id,
      pool: "default",
      lease_id: randomUUID(),
      session_no: 1,
      state: "finished",
      outcome: "failed",
      offer_until: now,
      lease_until: now,
      started_at: now,
      finished_at: now,
    })
    .execute();
  await edge.db.updateTable("jobs").set({ attempt_count: 1 }).where("id", "=", jobId).execute();
  await edge.db
    .insertInto("log_streams")
    .values({ attempt_id: attemptId, stream: "0", length_bytes: LOG.length, line_count: 3 })
    .execute();
  const step = { attempt_id: attemptId, step_no: 0, name: "<b>make</b>", exit_code: 2 };
  await edge.db
    .insertInto("steps")
    .values({ ...step, state: "finished", outcome: "failed", conclusion: "failure" })
    .execute();
  return { runId, jobId, attemptId };
}

const finish = (runId: number, jobId: number) =>
  inTransaction(edge.db, async (tx) => {
    await settleJobs(tx, [{ jobId: asJobId(jobId), outcome: "cancelled", reason: "test" }]);
    await concludeRunRow(tx, { runId, conclusion: "cancelled" });
  });

async function* readMessages(answer: Response): AsyncGenerator<Message> {
  let rest = "";
  for await (const text of (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    rest += text;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const lines = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) {
        yield { id: field("id"), name: (field("event") ?? "event") as FollowMessageName, data: JSON.parse(data) };
      }
    }
  }
}

async function collect(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

describe("following a run", () => {
  it("sends its present state, what changes, and its log, and ends with the run", async () => {
    const { runId, jobId, attemptId } = await startedRun("followed");
    const answer = await edge.api("POST", `/api/v1/runs/${runId}/follow`, { token, body: { logs: true } });
    expect(answer.headers.get("content-type")).toContain("text/event-stream");
    const seen: Message[] = [];
    for await (const message of readMessages(answer)) {
      seen.push(message);
      if (seen.filter((one) => one.name === "log").length === 1 && message.name === "log") await finish(runId, jobId);
    }
    expect(seen[0]).toMatchObject({ name: "run", data: { id: runId, state: "running" } });
    expect(seen[1]).toMatchObject({ name: "job", data: { id: jobId, state: "queued" } });
    const logs = seen.filter((message) => message.name === "log").map((message) => message.data);
    expect(logs).toMatchObject([{ job_id: jobId, attempt_id: attemptId, attempt_no: 1, stream: "0", offset: 0 }]);
    expect(Buffer.from(String(logs[0]?.bytes), "base64")).toEqual(LOG);
    const kinds = seen.flatMap((message) => (message.name === "event" ? [message.data.kind] : []));
    expect(kinds).toEqual(["run_running", "job_blocked", "job_queued", "job_finished", "run_finished"]);
    expect(seen.at(-1)).toMatchObject({ name: "end", data: { state: "finished", conclusion: "cancelled" } });

    // coming back with what one has: nothing is missed and nothing comes twice
    const middle = seen.find((message) => message.name === "event" && message.data.kind === "job_queued")?.id;
    const have = [{ attempt_id: attemptId, stream: "0", offset: 10 }];
    const later = await edge.api("POST", `/api/v1/runs/${runId}/follow`, {
      token,
      body: { after: middle, have, logs: [jobId] },
    });
    const rest = await collect(readMessages(later));
    const restKinds = rest.flatMap((message) => (message.name === "event" ? [message.data.kind] : []));
    expect(restKinds).toEqual(["job_finished", "run_finished"]);
    const more = rest.find((message) => message.name === "log");
    expect(Buffer.from(String(more?.data.bytes), "base64")).toEqual(LOG.subarray(10));
    expect(rest.at(-1)?.name).toBe("end");
  });

  it("by GET continues after the Last-Event-ID", async () => {
    const { runId, jobId } = await startedRun("event-source");
    await finish(runId, jobId);
    const path = `${edge.url}/api/v1/runs/${runId}/events`;
    const headers = { authorization: `Bearer ${token}` };
    const all = await collect(readMessages(await fetch(path, { headers })));
    const last = all.filter((message) => message.name === "event").at(-1);
    expect(last?.data.kind).toBe("run_finished");
    const rest = await collect(
      readMessages(await fetch(path, { headers: { ...headers, "last-event-id": last?.id ?? "" } })),
    );
    expect(rest.map((message) => message.name)).toEqual(["end"]);
  });

  it("one job sends its log and ends with it", async () => {
    const { runId, jobId } = await startedRun("one-job");
    await finish(runId, jobId);
    const answer = await edge.api("GET", `/api/v1/jobs/${jobId}/logs/follow?stream=0&from=3`, { token });
    const seen = await collect(readMessages(answer));
    expect(seen.map((message) => message.name)).toEqual(["job", "log", "end"]);
    expect(seen[1]?.data.offset).toBe(3);
  });

  it("ends with a word when the server stops", async () => {
    const other = await startEdge({ sharedWith: edge });
    const { runId } = await startedRun("stopped");
    const messages = readMessages(await other.api("POST", `/api/v1/runs/${runId}/follow`, { token, body: {} }));
    await messages.next();
    const stopped = other.stop();
    const rest = await collect(messages);
    expect(rest.at(-1)?.name).toBe("bye");
    await stopped;
  });
});

describe("log bytes", () => {
  it("come as they are, whole or by range", async () => {
    const { jobId } = await startedRun("bytes");
    const read = async (query: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${edge.url}/api/v1/jobs/${jobId}/logs${query}`, {
        headers: { authorization: `Bearer ${token}`, ...headers },
      });
      return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()), headers: answer.headers };
    };
    expect((await read("")).bytes).toEqual(LOG);
    expect((await read("?stream=0")).bytes).toEqual(LOG);
    expect((await read("?stream=0&from=3&to=8")).bytes).toEqual(LOG.subarray(3, 8));
    const part = await read("?stream=0", { range: "bytes=2-5" });
    expect(part).toMatchObject({ status: 206, bytes: LOG.subarray(2, 6) });
    expect(part.headers.get("content-range")).toBe(`bytes 2-5/${LOG.length}`);
    expect((await read("?stream=0", { range: "bytes=-4" })).bytes).toEqual(LOG.subarray(-4));
    expect(await read("?stream=system"), "nothing was said").toMatchObject({ status: 200, bytes: Buffer.alloc(0) });
    expect((await read("?stream=7")).status).toBe(404);
    expect((await read("?attempt=9")).status).toBe(404);
    type Streams = { attempt_no: number; streams: LogStream[] };
    const streams = await edge.json<Streams>("GET", `/api/v1/jobs/${jobId}/streams`, { token });
    expect(streams).toMatchObject({ attempt_no: 1, streams: [{ stream: "0", length_bytes: LOG.length }] });
    const job = await edge.json<Job>("GET", `/api/v1/jobs/${jobId}`, { token });
    expect(job.attempts).toMatchObject([{ no: 1, outcome: "failed", steps: [{ no: 0, exit_code: 2 }] }]);
  });
});

describe("pages", () => {
  it("show runs, jobs, steps and logs, and never what a stranger wrote as markup", async () => {
    const { runId, jobId } = await startedRun("pages", "<script>alert('title')</script>");
    const page = async (path: string) => {
      const answer = await edge.api("GET", path, { token });
      expect(answer.headers.get("content-type")).toContain("text/html");
      expect(answer.headers.get("content-security-policy")).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      const text = await answer.text();
      expect(text).not.toContain("<script");
      return text;
    };
    const runs = await page("/");
    expect(runs).toContain("me/pages");
    expect(runs).toContain("&lt;script&gt;alert(&#39;title&#39;)&lt;/script&gt;");
    expect(await page(`/runs/${runId}`)).toContain("&lt;b&gt;make&lt;/b&gt;");
    const log = await page(`/runs/${runId}/jobs/${jobId}/logs`);
    expect(log).toContain("plain &lt;script&gt;alert(1)&lt;/script&gt;\nred end\n\ufffd\ufffd\n");
    const missing = await edge.api("GET", "/runs/999999", { token });
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain("there is no run 999999");
  });

  it("F22: take terminal sequences and control characters out of logs, and show what is no UTF-8 as such", () => {
    const hostile = "\u001b[2J\u001b[1;31mA\u001b]8;;http://x\u001b\\B\u0000\u0007\u009b31mC\u001bcD\rE\tF";
    expect(cleanLog(Buffer.from(hostile))).toBe("AB31mCD\nE\tF");
    // half of a surrogate pair, a character that was cut, a byte that begins none
    const broken = Buffer.concat([Buffer.from([0xed, 0xa0, 0x80, 0x41, 0xe2, 0x82, 0x42, 0xff]), Buffer.from("€")]);
    expect(cleanLog(broken)).toBe("\ufffd\ufffd\ufffdA\ufffdB\ufffd€");
  });
});
