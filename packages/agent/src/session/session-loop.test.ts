import { bootClockMs } from "@windrow/backends";
import { asInstanceId } from "@windrow/model";
import { type Clock, createLogger, systemClock } from "@windrow/service";
import {
  type AgentApiClient,
  createAgentApiClient,
  PROTOCOL_VERSION,
  type SessionCall,
  WireFault,
} from "@windrow/wire";
import { expect, test, vi } from "vitest";
import { FakeController, IDENTITY } from "../../test/fake-controller.ts";
import { createConnection } from "./connection.ts";
import { createSessionLoop } from "./session-loop.ts";

test("what changed on the machine is told by the hello of another session of the same process", async () => {
  const controller = new FakeController();
  await controller.start();
  const logger = createLogger({ component: "test", level: "fatal" });
  let labels = ["node-22"];
  const instanceId = asInstanceId("00000000-0000-4000-8000-000000000007");
  const loop = createSessionLoop({
    addresses: [controller.address],
    connect: (address) => createAgentApiClient({ address, tls: IDENTITY }),
    hello: () => ({
      ...{ protocolVersion: PROTOCOL_VERSION, instanceId, agentVersion: "1", slots: 1, held: [], hostname: "box" },
      labels,
      toolchains: [{ name: "node", version: `${labels[0]?.slice(5)}.1.0` }],
    }),
    heartbeat: () => ({ held: [], freeSlots: 1 }),
    connection: createConnection({ clock: systemClock, logger }),
    clock: systemClock,
    bootClockMs,
    logger,
    onWelcome: () => {},
    onHeartbeatReply: () => {},
    onMessage: () => {},
    onRefused: () => {},
  });
  try {
    await loop.start();
    await vi.waitFor(() => expect(controller.hellos).toHaveLength(1), { timeout: 10_000 });
    await vi.waitFor(() => expect(controller.isConnected).toBe(true), { timeout: 10_000 });
    labels = ["node-24"];
    loop.reconnect();
    await vi.waitFor(() => expect(controller.hellos).toHaveLength(2), { timeout: 10_000 });
    expect(controller.hellos.map(({ instanceId: of, labels: told, toolchains }) => [of, told, toolchains])).toEqual([
      [instanceId, ["node-22"], [{ name: "node", version: "22.1.0" }]],
      [instanceId, ["node-24"], [{ name: "node", version: "24.1.0" }]],
    ]);
  } finally {
    await loop.stop();
    await controller.stop();
  }
});

test("a controller that does not answer in time is asked ever more seldom; one that cannot be reached, as often as before", async () => {
  const logger = createLogger({ component: "test", level: "fatal" });
  const wanted = Promise.withResolvers<void>();
  const pauses: number[] = [];
  const TRIES = 12;
  const WELCOME_WAIT_MS = 10_000;
  /** Time that passes at once. */
  const clock: Clock = {
    ...systemClock,
    async sleep(ms) {
      if (ms !== WELCOME_WAIT_MS) pauses.push(ms);
      if (pauses.length === TRIES) wanted.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  const unanswered = (): SessionCall => {
    const closed = Promise.withResolvers<void>();
    return {
      messages: {
        [Symbol.asyncIterator]: () => ({
          next: () => closed.promise.then(() => ({ done: true as const, value: undefined })),
        }),
      },
      send: () => undefined,
      end: () => closed.resolve(),
      close: () => closed.resolve(),
    };
  };
  const unreachable = (): SessionCall => ({
    ...unanswered(),
    messages: {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new WireFault("unavailable", "nobody listens")) }),
    },
  });
  const loop = createSessionLoop({
    addresses: ["127.0.0.1:1"],
    connect: (address): AgentApiClient => ({
      ...createAgentApiClient({ address, tls: IDENTITY }),
      session: () => (pauses.length < TRIES - 2 ? unanswered() : unreachable()),
    }),
    hello: () => ({
      ...{ protocolVersion: PROTOCOL_VERSION, instanceId: asInstanceId("00000000-0000-4000-8000-000000000008") },
      ...{ agentVersion: "1", slots: 1, held: [], hostname: "box", labels: [], toolchains: [] },
    }),
    heartbeat: () => ({ held: [], freeSlots: 1 }),
    connection: createConnection({ clock, logger }),
    clock,
    bootClockMs,
    logger,
    onWelcome: () => {},
    onHeartbeatReply: () => {},
    onMessage: () => {},
    onRefused: () => {},
  });
  try {
    await loop.start();
    await wanted.promise;
    const long = pauses.slice(4, TRIES - 2);
    expect(Math.min(...long)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...long)).toBeLessThanOrEqual(20_000);
    expect(new Set(long).size).toBeGreaterThan(1);
    for (const pause of [...pauses.slice(0, 1), ...pauses.slice(TRIES - 2)]) expect(pause).toBeLessThanOrEqual(2_500);
  } finally {
    await loop.stop();
  }
});
