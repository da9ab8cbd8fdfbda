import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterAll(() => core.stop());

const MIB = 1024 * 1024;
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

it("keeps nothing of a log that is durable, while the call that ships it goes on", async () => {
  const agent = await core.addAgent();
  await agent.connect();
  await core.insertRun("on: push\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }");
  const offer = await agent.offer();
  await agent.start(offer);
  const log = agent.api.openLog();
  let durable = 0;
  const acks = (async () => {
    for await (const ack of log.acks) durable = ack.offset;
  })();
  await log.send({ kind: "open", lease: agent.lease(offer) });
  const data = Buffer.alloc(MIB / 4, "0123456789abcdef\n");
  const ship = async (toMib: number) => {
    for (let offset = durable; offset < toMib * MIB; offset += data.length) {
      await log.send({
        kind: "chunk",
        stream: "0",
        offset,
        data,
        times: [],
        end: offset + data.length === toMib * MIB,
      });
    }
    await waitFor("all to be durable", () => durable === toMib * MIB, { withinMs: 30_000 });
    collectGarbage();
    return process.memoryUsage().arrayBuffers / MIB;
  };
  const before = await ship(8);
  const after = await ship(72);
  expect(after - before).toBeLessThan(24);
  log.end();
  await acks;
  log.close();
});
