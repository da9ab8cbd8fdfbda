import { randomBytes } from "node:crypto";
import { startTestNats, type TestNats } from "@windrow/embedded/testing";
import { asAgentId, asAttemptId, asJobId, asLeaseId, asRunId } from "@windrow/model";
import { connect, Events } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Offer, OfferAnswer } from "../src/agent-messages.ts";
import { type Bus, type BusOptions, type BusState, connectBus } from "../src/bus/connect-bus.ts";
import { natsOptions } from "../src/bus/keep-nats-connection.ts";
import { subjectToken } from "../src/bus/subject.ts";
import {
  cancelsTo,
  changesOf,
  drainsTo,
  everyWake,
  hintsAbout,
  logBytesOf,
  offersTo,
  wakesOf,
} from "../src/bus/subjects.ts";
import { issueAgentNatsJwt } from "../src/nats-auth/issue-agent-nats-jwt.ts";
import { readNatsKeys } from "../src/nats-auth/nats-keys.ts";
import { revokeAgentNatsUser } from "../src/nats-auth/revoke-agent-nats-user.ts";
import { createUserNkey, isUserPublicKey } from "../src/nats-auth/user-nkey.ts";
import { collectingLogger, until } from "./wire-kit.ts";

const ID = "0b6b5c1e-3a55-4b0e-9a8f-0d5a6f3c2b10";
const AGENT = asAgentId("11111111-1111-4111-8111-111111111111");
const OTHER = asAgentId("22222222-2222-4222-8222-222222222222");
const OFFER: Offer = {
  attemptId: asAttemptId(ID),
  leaseId: asLeaseId(ID),
  fence: (1n << 40n) | 7n,
  jobId: asJobId(5),
  attemptNo: 1,
  expiresInMs: 10_000,
};

let nats: TestNats;
const buses: Bus[] = [];

beforeAll(async () => {
  nats = await startTestNats();
});
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});
afterAll(() => nats.remove());

function open(options: Partial<BusOptions> & Pick<BusOptions, "jwt" | "nkeySeed" | "inboxPrefix">): Bus {
  const bus = connectBus({ urls: [nats.url], name: "test", logger: collectingLogger(), ...options });
  buses.push(bus);
  return bus;
}

async function controllerBus(more: Partial<BusOptions> = {}): Promise<Bus> {
  const { controllerUserJwt, controllerUserSeed } = nats.keys;
  const bus = open({
    jwt: () => controllerUserJwt,
    nkeySeed: controllerUserSeed,
    inboxPrefix: "_INBOX.controller",
    ...more,
  });
  await bus.ready;
  return bus;
}

const jwtFor = (agentId: typeof AGENT, userPublicKey: string, ttlSeconds = 3_600) =>
  issueAgentNatsJwt({
    ...{ agentId, userPublicKey, ttlSeconds },
    agentSigningSeed: nats.keys.agentSigningSeed,
    accountPublicKey: nats.keys.accountPublicKey,
  });

async function agentBus(agentId = AGENT, more: Partial<BusOptions> = {}) {
  const nkey = createUserNkey();
  const jwt = await jwtFor(agentId, nkey.publicKey);
  const bus = open({ jwt: () => jwt, nkeySeed: nkey.seed, inboxPrefix: `_INBOX.${agentId}`, ...more });
  await bus.ready;
  return { bus, nkey, jwt };
}

describe("messages", () => {
  test("an offer is answered by the agent it is for", async () => {
    const controller = await controllerBus();
    const { bus: agent } = await agentBus();
    const seen: Offer[] = [];
    agent.respond(offersTo(AGENT), async (offer): Promise<OfferAnswer> => {
      seen.push(offer);
      return { attemptId: offer.attemptId, leaseId: offer.leaseId, accepted: true };
    });
    await agent.flush();
    const answer = await controller.request(offersTo(AGENT), OFFER, { timeoutMs: 5_000 });
    expect(answer).toEqual({ attemptId: OFFER.attemptId, leaseId: OFFER.leaseId, accepted: true });
    expect(seen).toEqual([OFFER]);
  });

  test("cancel and drain reach the agent", async () => {
    const controller = await controllerBus();
    const { bus: agent } = await agentBus();
    const seen: unknown[] = [];
    agent.subscribe(cancelsTo(AGENT), (cancel) => seen.push(cancel));
    agent.subscribe(drainsTo(AGENT), (drain) => seen.push(drain));
    await agent.flush();
    const cancel = { attemptId: OFFER.attemptId, leaseId: OFFER.leaseId, reason: "a person asked" };
    expect(controller.publish(cancelsTo(AGENT), cancel)).toBe(true);
    expect(controller.publish(drainsTo(AGENT), { draining: true })).toBe(true);
    await until("both arrive", () => seen.length === 2);
    expect(seen).toEqual([cancel, { draining: true }]);
  });

  test("controllers wake, hint and tail each other", async () => {
    const first = await controllerBus();
    const second = await controllerBus();
    const seen: unknown[] = [];
    second.subscribe(everyWake, (wake) => seen.push(wake));
    second.subscribe(hintsAbout(AGENT), (hint) => seen.push(hint));
    second.subscribe(logBytesOf(OFFER.attemptId), (tail) => seen.push(tail));
    const closed = second.subscribe(changesOf(asRunId(9)), (changed) => seen.push(changed));
    closed.close();
    closed.close();
    await second.flush();
    const hint = { agentId: AGENT, kind: "kick" as const, reason: "removed" as const };
    const tail = {
      ...{ attemptId: OFFER.attemptId, stream: "system" as const, offset: 3, end: false },
      data: Buffer.from([0, 255]),
    };
    first.publish(changesOf(asRunId(9)), { runId: asRunId(9) });
    first.publish(wakesOf("python 3.12 > *"), { pool: "python 3.12 > *" });
    first.publish(hintsAbout(AGENT), hint);
    first.publish(logBytesOf(OFFER.attemptId), tail);
    await until("all arrive", () => seen.length === 3);
    expect(seen).toEqual([{ pool: "python 3.12 > *" }, hint, tail]);
  });

  test("a message that does not decode is dropped and counted, and the next one arrives", async () => {
    const controller = await controllerBus();
    const { bus: agent } = await agentBus();
    const seen: unknown[] = [];
    agent.subscribe(cancelsTo(AGENT), (cancel) => seen.push(cancel));
    await agent.flush();
    controller.publish(
      { ...cancelsTo(AGENT), encode: () => Buffer.from("not a message") },
      {
        ...{ attemptId: OFFER.attemptId, leaseId: OFFER.leaseId, reason: "" },
      },
    );
    controller.publish(cancelsTo(AGENT), { attemptId: OFFER.attemptId, leaseId: OFFER.leaseId, reason: "x" });
    await until("the good one arrives", () => seen.length === 1);
    expect(agent.droppedCount).toBe(1);
  });

  test("a request that nobody hears or answers ends undefined", async () => {
    const controller = await controllerBus();
    const { bus: agent } = await agentBus();
    expect(await controller.request(offersTo(OTHER), OFFER, { timeoutMs: 5_000 })).toBeUndefined();
    agent.respond(offersTo(AGENT), () => Promise.reject(new Error("busy")));
    await agent.flush();
    expect(await controller.request(offersTo(AGENT), OFFER, { timeoutMs: 100 })).toBeUndefined();
  });

  test("a name never reaches into another subject", () => {
    expect(subjectToken("a.b")).not.toContain(".");
    expect(subjectToken("*")).toBe("=2a");
    expect(subjectToken("a=b")).not.toBe(subjectToken("a=3db"));
    expect(() => subjectToken("")).toThrow(RangeError);
  });
});

describe("without NATS", () => {
  test("nothing throws or waits; messages are dropped and counted; closing ends the tries", async () => {
    const states: BusState[] = [];
    const bus = open({
      urls: ["nats://127.0.0.1:1"],
      jwt: () => nats.keys.controllerUserJwt,
      nkeySeed: nats.keys.controllerUserSeed,
      inboxPrefix: "_INBOX.controller",
      onStateChange: (state) => states.push(state),
    });
    const subscription = bus.subscribe(everyWake, () => undefined);
    expect(bus.publish(wakesOf("default"), { pool: "default" })).toBe(false);
    expect(await bus.request(offersTo(AGENT), OFFER, { timeoutMs: 60_000 })).toBeUndefined();
    expect(await bus.flush()).toBe(false);
    subscription.close();
    expect(bus.droppedCount).toBe(2);
    expect(bus.state).toBe("disconnected");
    await bus.close();
    await bus.close();
    expect(states).toEqual(["closed"]);
  });

  test("a server that comes back finds every subscription again", async () => {
    const states: BusState[] = [];
    const controller = await controllerBus({ onStateChange: (state) => states.push(state) });
    const { bus: agent } = await agentBus();
    const seen: unknown[] = [];
    agent.subscribe(drainsTo(AGENT), (drain) => seen.push(drain));
    await nats.stop();
    await until("both notice", () => controller.state === "disconnected" && agent.state === "disconnected");
    expect(controller.publish(drainsTo(AGENT), { draining: true })).toBe(false);
    nats = await nats.restart();
    await until("both are back", () => controller.state === "connected" && agent.state === "connected", 20_000);
    await agent.flush();
    controller.publish(drainsTo(AGENT), { draining: false });
    await until("a message arrives", () => seen.length > 0);
    expect(seen).toEqual([{ draining: false }]);
    expect(states).toEqual(["connected", "disconnected", "connected"]);
  });
});

describe("an agent's user", () => {
  test("S08: may not listen to others, nor speak as others or as a controller", async () => {
    const controller = await controllerBus();
    const nkey = createUserNkey();
    const jwt = await jwtFor(AGENT, nkey.publicKey);
    const login = { urls: [nats.url], jwt: () => jwt, nkeySeed: nkey.seed, inboxPrefix: `_INBOX.${AGENT}`, name: "x" };
    const agent = await connect(natsOptions(login));
    const refused: string[] = [];
    const errors: unknown[] = [];
    const foreign = [
      ...[offersTo(OTHER).name, cancelsTo(OTHER).name, drainsTo(OTHER).name, `wr.agent.${OTHER}.>`, "wr.agent.*.offer"],
      ...["wr.ctl.>", "wr.log.>", "wr.pool.default", "wr.pool.*", ">", "*", `_INBOX.${OTHER}.>`, "_INBOX.>"],
      ...["$SYS.>", "$SYS.REQ.SERVER.PING", "$JS.>", "$JS.API.STREAM.LIST", "$JS.EVENT.>"],
    ];
    for (const subject of foreign) {
      agent.subscribe(subject, { callback: (error) => void (error ? refused.push(subject) : errors.push(subject)) });
    }
    await until("every subscription is refused", () => refused.length === foreign.length);
    const violations: string[] = [];
    void (async () => {
      for await (const status of agent.status()) {
        if (status.type === Events.Error) violations.push(JSON.stringify([status.data, status.permissionContext]));
      }
    })();
    const spoken = foreign.map((subject) => subject.replaceAll("*", "x").replace(/>$/, "x"));
    for (const subject of spoken) agent.publish(subject, "stolen");
    await until("every word is refused", () => violations.length === spoken.length);
    expect(violations.filter((one) => !/PERMISSIONS_VIOLATION/i.test(one))).toEqual([]);

    const heard: unknown[] = [];
    controller.subscribe(everyWake, (wake) => heard.push(wake));
    controller.subscribe(drainsTo(OTHER), (drain) => heard.push(drain));
    await controller.flush();
    agent.publish(wakesOf("default").name, wakesOf("default").encode({ pool: "default" }));
    agent.publish(drainsTo(OTHER).name, drainsTo(OTHER).encode({ draining: true }));
    await agent.flush();
    await controller.flush();
    expect(heard).toEqual([]);
    expect(errors).toEqual([]);
    await agent.close();
  });

  test("S06: answers offers with any bytes, which the controller refuses or reads, and never breaks on", async () => {
    const controller = await controllerBus();
    const nkey = createUserNkey();
    const jwt = await jwtFor(AGENT, nkey.publicKey);
    const login = { urls: [nats.url], jwt: () => jwt, nkeySeed: nkey.seed, inboxPrefix: `_INBOX.${AGENT}`, name: "x" };
    const agent = await connect(natsOptions(login));
    let answersCount = 0;
    agent.subscribe(offersTo(AGENT).name, {
      callback: (_, message) => void message.respond(randomBytes(answersCount++ % 64)),
    });
    await agent.flush();
    for (let time = 0; time < 256; time++) {
      const answer = await controller.request(offersTo(AGENT), OFFER, { timeoutMs: 5_000 });
      if (answer !== undefined) expect(typeof answer.accepted).toBe("boolean");
    }
    expect(answersCount).toBe(256);
    expect(controller.state).toBe("connected");
    await agent.close();
    const { bus: honest } = await agentBus();
    honest.respond(offersTo(AGENT), async (offer): Promise<OfferAnswer> => {
      return { attemptId: offer.attemptId, leaseId: offer.leaseId, accepted: true };
    });
    await honest.flush();
    expect(await controller.request(offersTo(AGENT), OFFER, { timeoutMs: 5_000 })).toMatchObject({ accepted: true });
  });

  test("is cut off when its credential ends, and comes back with a renewed one", async () => {
    const nkey = createUserNkey();
    let jwt = await jwtFor(AGENT, nkey.publicKey, 2);
    const states: BusState[] = [];
    const bus = open({
      jwt: () => jwt,
      nkeySeed: nkey.seed,
      inboxPrefix: `_INBOX.${AGENT}`,
      onStateChange: (state) => states.push(state),
    });
    await bus.ready;
    await until("the server ends it", () => bus.state === "disconnected");
    jwt = await jwtFor(AGENT, nkey.publicKey);
    await until("it is back", () => bus.state === "connected", 20_000);
    // it may come back with the ending credential first, and be cut off once more
    expect(states.slice(0, 2)).toEqual(["connected", "disconnected"]);
    expect(states.at(-1)).toBe("connected");
  });

  test("is cut off at once when it is revoked, stays out, and leaves the others alone", async () => {
    const keys = await readNatsKeys(nats.keysFile);
    const { bus: revoked, nkey, jwt } = await agentBus(AGENT);
    const otherStates: BusState[] = [];
    await agentBus(OTHER, { onStateChange: (state) => otherStates.push(state) });
    const startedMs = performance.now();
    await revokeAgentNatsUser({ urls: [nats.url], keys, userPublicKey: nkey.publicKey });
    await until("it is cut off", () => revoked.state === "disconnected");
    expect(performance.now() - startedMs).toBeLessThan(5_000);

    const login = {
      urls: [nats.url],
      jwt: () => jwt,
      nkeySeed: nkey.seed,
      inboxPrefix: `_INBOX.${AGENT}`,
      name: "x",
    };
    await expect(connect({ ...natsOptions(login), reconnect: false })).rejects.toThrow(/Authorization/i);
    expect(otherStates).toEqual(["connected"]);
    await revokeAgentNatsUser({ urls: [nats.url], keys, userPublicKey: nkey.publicKey });
  });

  test("revocations by several controllers at once all hold, also over a restart", async () => {
    const keys = await readNatsKeys(nats.keysFile);
    const agents = await Promise.all(Array.from({ length: 4 }, () => agentBus(AGENT)));
    await Promise.all(
      agents.map(({ nkey }) => revokeAgentNatsUser({ urls: [nats.url], keys, userPublicKey: nkey.publicKey })),
    );
    await until("all are cut off", () => agents.every(({ bus }) => bus.state === "disconnected"));
    nats = await nats.restart();
    for (const { nkey, jwt } of agents) {
      const login = {
        urls: [nats.url],
        jwt: () => jwt,
        nkeySeed: nkey.seed,
        inboxPrefix: `_INBOX.${AGENT}`,
        name: "x",
      };
      await expect(connect({ ...natsOptions(login), reconnect: false })).rejects.toThrow(/Authorization/i);
    }
  });

  test("cannot be revoked while NATS is away: the caller is told to try again", async () => {
    const keys = await readNatsKeys(nats.keysFile);
    await expect(
      revokeAgentNatsUser({ urls: ["nats://127.0.0.1:1"], keys, userPublicKey: createUserNkey().publicKey }),
    ).rejects.toMatchObject({ code: "nats_admin", retryable: true });
  });

  test("is known by a key whose checksum holds", () => {
    const { publicKey } = createUserNkey();
    expect(isUserPublicKey(publicKey)).toBe(true);
    expect(isUserPublicKey(`${publicKey.slice(0, -1)}${publicKey.endsWith("A") ? "B" : "A"}`)).toBe(false);
    expect(isUserPublicKey(nats.keys.accountPublicKey)).toBe(false);
    expect(isUserPublicKey(`${publicKey}\n`)).toBe(false);
  });
});

test("the keys file of an embedded NATS has every key, and its values are never in an error", async () => {
  const keys = await readNatsKeys(nats.keysFile);
  expect(nats.keys).toMatchObject({ ...keys });
  await expect(readNatsKeys(`${nats.keysFile}/../nats.conf`)).rejects.not.toThrow(/S[AUO][A-Z2-7]{50}/);
});
