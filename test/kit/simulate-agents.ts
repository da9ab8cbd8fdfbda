import { monitorEventLoopDelay } from "node:perf_hooks";
import { openFarmDoor } from "./farm-door.ts";
import { SimulatedAgents } from "./simulated-agents.ts";
import { makeSimulatedKeys, type SimulatedKeys } from "./simulated-identity.ts";
import type { SimulatorAnswer, SimulatorLook, SimulatorOrder, SimulatorRequest } from "./simulator-messages.ts";

/** A process with a part of a fleet of simulated agents, ordered about by the process that started it. */
const FAULTS_SHOWN_MAX = 3;
const NANOSECONDS = 1e6;
const LATENESS_LOOK_MS = 10;
const lateness = monitorEventLoopDelay({ resolution: LATENESS_LOOK_MS });
lateness.enable();
let keys: SimulatedKeys[] = [];
let fleet: SimulatedAgents | undefined;

async function obey(order: SimulatorOrder): Promise<SimulatorLook | undefined> {
  switch (order.kind) {
    case "make keys":
      for (let count = keys.length; count < order.count; count++) keys.push(await makeSimulatedKeys());
      return undefined;
    case "join": {
      const { namePrefix, labels, startOverMs } = order;
      const door = openFarmDoor(order.url, order.adminToken);
      // the doorbell is measured by the other benches; here it would only cost these processes connections
      const options = { count: keys.length, keys, namePrefix, labels, startOverMs, hasNats: false };
      fleet = await SimulatedAgents.join(door, options);
      keys = [];
      return undefined;
    }
    case "start":
      await theFleet().start(order.withinMs);
      return undefined;
    case "hold":
      theFleet().holdJobs();
      return undefined;
    case "release":
      theFleet().release(order.overMs);
      return undefined;
    case "look":
      return look(theFleet());
    case "stop":
      await fleet?.stop();
      return undefined;
  }
}

function theFleet(): SimulatedAgents {
  if (fleet === undefined) throw new Error("no agents have joined");
  return fleet;
}

function look({ record, connectedCount }: SimulatedAgents): SimulatorLook {
  const { user, system } = process.cpuUsage();
  const seen: SimulatorLook = {
    welcomeMs: record.welcomeMs.splice(0),
    heartbeatMs: record.heartbeatMs.splice(0),
    idleMs: record.idleMs.splice(0),
    triesCount: record.connectsAt.length,
    connectedCount,
    begunCount: record.begun.length,
    finishedCount: record.finished.length,
    lostCount: record.lost.length,
    faults: record.faults.slice(0, FAULTS_SHOWN_MAX).map(String),
    lateP99Ms: Math.max(0, lateness.percentile(99) / NANOSECONDS - LATENESS_LOOK_MS),
    cpuMs: (user + system) / 1_000,
  };
  lateness.reset();
  return seen;
}

process.on("message", ({ no, order }: SimulatorRequest) => {
  const answer = (rest: Omit<SimulatorAnswer, "no">) => process.send?.({ no, ...rest } satisfies SimulatorAnswer);
  obey(order).then(
    (seen) => answer(seen === undefined ? {} : { look: seen }),
    (error: unknown) => answer({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
