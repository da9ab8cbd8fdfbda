import { systemClock } from "@windrow/service";
import { expect, test } from "vitest";
import { sampleJob, sampleRun } from "../../test/samples.ts";
import { type SeenRequest, sendJson, sse, startStubFarm } from "../../test/stub-farm.ts";
import { createApiClient } from "./client.ts";
import { followRun, type RunMessage } from "./follow-run.ts";

const ATTEMPT = "11111111-1111-4111-8111-111111111111";
const LOG = Buffer.from(Array.from({ length: 300 }, (_, index) => index % 256));

function chunk(from: number, to: number, stream = "0"): string {
  const bytes = LOG.subarray(from, to).toString("base64");
  return sse("log", { job_id: 100, attempt_id: ATTEMPT, attempt_no: 1, stream, offset: from, bytes });
}

function offsetsOf(request: SeenRequest | undefined): unknown {
  return request?.body;
}

async function collect(
  urls: string[],
  options: { silenceMaxMs?: number; signal?: AbortSignal } = {},
): Promise<RunMessage[]> {
  const api = createApiClient({ urls, token: "t" });
  const messages: RunMessage[] = [];
  for await (const message of followRun({ api, runId: 12, logs: true, clock: systemClock, ...options }))
    messages.push(message);
  return messages;
}

function bytesOf(messages: readonly RunMessage[], stream = "0"): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => (message.name === "log" && message.stream === stream ? [message.bytes] : [])),
  );
}

test("after every break of the connection it goes on where it was: no byte lost, none doubled, no event twice", async () => {
  let connection = 0;
  await using farm = await startStubFarm((_, response) => {
    connection++;
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (connection === 1) {
      response.write(sse("run", sampleRun(), "7-1") + chunk(0, 100));
      // the break comes in the middle of a message
      const half = chunk(100, 200);
      response.write(half.slice(0, half.length / 2), () => response.destroy());
    } else if (connection === 2) {
      // this controller knows no offsets and begins a little earlier; then it stops in order
      response.end(chunk(50, 200) + chunk(0, 10, "1") + sse("bye", { detail: "controller stops" }));
    } else {
      response.end(
        chunk(200, 300) +
          chunk(10, 300, "1") +
          sse("job", sampleJob(), "7-2") +
          sse("end", sampleRun({ state: "finished", conclusion: "success" })),
      );
    }
  });
  const messages = await collect([farm.url]);
  expect(bytesOf(messages).equals(LOG)).toBe(true);
  expect(bytesOf(messages, "1").equals(LOG)).toBe(true);
  expect(messages.map((message) => message.name)).toEqual([
    "run",
    "log",
    "disconnected",
    "connected",
    "log",
    "log",
    "disconnected",
    "connected",
    "log",
    "log",
    "job",
    "end",
  ]);
  expect(farm.requests.map(offsetsOf)).toEqual([
    { logs: true, have: [] },
    { logs: true, after: "7-1", have: [{ attempt_id: ATTEMPT, stream: "0", offset: 100 }] },
    {
      logs: true,
      after: "7-1",
      have: [
        { attempt_id: ATTEMPT, stream: "0", offset: 200 },
        { attempt_id: ATTEMPT, stream: "1", offset: 10 },
      ],
    },
  ]);
});

test("a controller that dies is replaced by the next one", async () => {
  const dying = await startStubFarm((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chunk(0, 100), () => void dying[Symbol.asyncDispose]());
  });
  await using other = await startStubFarm((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(chunk(100, 300) + sse("end", sampleRun({ state: "finished", conclusion: "success" })));
  });
  expect(bytesOf(await collect([dying.url, other.url])).equals(LOG)).toBe(true);
});

test("a gap in the bytes is never passed on: it connects again from what it has", async () => {
  let connection = 0;
  await using farm = await startStubFarm((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    connection++;
    response.end(connection === 1 ? chunk(0, 10) + chunk(20, 300) : chunk(10, 300) + sse("end", sampleRun()));
  });
  expect(bytesOf(await collect([farm.url])).equals(LOG)).toBe(true);
});

test("messages of a newer farm are skipped", async () => {
  await using farm = await startStubFarm((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(sse("weather", { sun: true }) + sse("end", sampleRun()));
  });
  expect((await collect([farm.url])).map((message) => message.name)).toEqual(["end"]);
});

test("a refusal ends it at once", async () => {
  const problem = {
    type: "about:blank",
    title: "t",
    status: 404,
    code: "not_found",
    detail: "no run 12",
    request_id: "r",
  };
  await using farm = await startStubFarm((_, response) => sendJson(response, problem, 404));
  await expect(collect([farm.url])).rejects.toThrow("no run 12");
  expect(farm.requests).toHaveLength(1);
});

test("silence of all controllers ends it after the time given", async () => {
  const gone = await startStubFarm(() => undefined);
  await gone[Symbol.asyncDispose]();
  await expect(collect([gone.url], { silenceMaxMs: 0 })).rejects.toMatchObject({ code: "unreachable" });
});

test("an abort ends it quietly", async () => {
  const stop = new AbortController();
  await using farm = await startStubFarm((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chunk(0, 1), () => stop.abort());
  });
  const messages = await collect([farm.url], { signal: stop.signal });
  expect(messages.every((message) => message.name === "log")).toBe(true);
});
