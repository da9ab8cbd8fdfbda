import { bootClockMs } from "@windrow/backends";
import { asInstanceId } from "@windrow/model";
import { createLogger, systemClock } from "@windrow/service";
import { createAgentApiClient, PROTOCOL_VERSION } from "@windrow/wire";
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
