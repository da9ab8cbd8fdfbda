import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bootClockMs,
  type ContainerEngine,
  createHostBackend,
  prepareSlotUser,
  type SlotUser,
  type StepBackend,
} from "@windrow/backends";
import { asAgentId, type Refusal, type StepReport } from "@windrow/model";
import { type Clock, createLogger, systemClock } from "@windrow/service";
import { type ClientTls, createAgentApiClient, createUserNkey } from "@windrow/wire";
import { type Agent, type AgentOptions, startAgent } from "../src/agent.ts";
import type { JobNetworks } from "../src/network/job-network.ts";
import type { CertificateKeeper } from "../src/session/certificate-keeper.ts";
import { makeAgentFolders } from "../src/start/agent-folders.ts";
import { AGENT_ID, type FakeAttempt, FakeController, IDENTITY } from "./fake-controller.ts";

/** An agent in this process against a fake controller, and everything to look at. */
export class AgentBench {
  readonly controller = new FakeController();
  readonly dir: string;
  readonly refusals: Refusal[] = [];
  readonly #backend: StepBackend;
  readonly #slotsCount: number;
  readonly #controllerUrl: string;
  readonly #openActions: AgentOptions["openActions"];
  readonly #clock: Clock;
  readonly #makeContainers: ((agentDir: string) => ContainerEngine) | undefined;
  readonly #networks: JobNetworks | undefined;
  readonly #agents: Agent[] = [];
  #slotUsers: (SlotUser | undefined)[] = [];
  #mirrorUser: SlotUser | undefined;

  constructor(
    options: {
      backend?: StepBackend;
      slotsCount?: number;
      controllerUrl?: string;
      openActions?: AgentOptions["openActions"];
      clock?: Clock;
      /** Anew for each agent, as for each process. */
      makeContainers?: (agentDir: string) => ContainerEngine;
      networks?: JobNetworks;
    } = {},
  ) {
    this.#makeContainers = options.makeContainers;
    this.#networks = options.networks;
    this.dir = mkdtempSync(join(tmpdir(), "windrow-agent-"));
    chmodSync(this.dir, 0o711);
    this.#backend = options.backend ?? createHostBackend();
    this.#slotsCount = options.slotsCount ?? 1;
    this.#openActions = options.openActions;
    this.#clock = options.clock ?? systemClock;
    this.#controllerUrl = options.controllerUrl ?? "http://127.0.0.1:1";
  }

  get agentDir(): string {
    return join(this.dir, "agent");
  }

  async start(
    options: {
      withSlotUsers?: boolean;
      /** Why no job can be put into a sandbox. */
      sandboxProblem?: string;
      untilConnected?: boolean;
      /** Of a certificate that is renewed on the way. */
      keeper?: { readonly keeper: CertificateKeeper; readonly tls: () => ClientTls };
    } = {},
  ): Promise<Agent> {
    const { keeper } = options;
    if (this.controller.address.endsWith(":0")) await this.controller.start();
    mkdirSync(this.agentDir, { recursive: true });
    if (options.withSlotUsers) {
      this.#slotUsers = [];
      for (let no = 0; no < this.#slotsCount; no++) {
        this.#slotUsers.push(
          await prepareSlotUser({ slotKey: `${this.agentDir}#${no}`, claimDir: join(this.dir, "claims") }),
        );
      }
      this.#mirrorUser = await prepareSlotUser({
        slotKey: `${this.agentDir}#mirrors`,
        claimDir: join(this.dir, "claims"),
      });
    }
    const agent = await startAgent({
      credential: {
        agentId: asAgentId(AGENT_ID),
        name: "agent-1",
        certificate: IDENTITY.cert.toString(),
        authority: IDENTITY.ca.toString(),
        grpcAddress: this.controller.address,
        slotsCount: this.#slotsCount,
        controllerUrl: this.#controllerUrl,
      },
      natsSeed: createUserNkey().seed,
      grpcAddresses: [this.controller.address],
      controllerUrl: this.#controllerUrl,
      connect: (address) => createAgentApiClient({ address, tls: keeper?.tls() ?? IDENTITY }),
      ...(keeper !== undefined && { keeper: keeper.keeper }),
      backend: this.#backend,
      ...(this.#makeContainers !== undefined && { containers: this.#makeContainers(this.agentDir) }),
      networks: this.#networks,
      sandboxProblem: options.sandboxProblem,
      folders: makeAgentFolders(this.agentDir, options.withSlotUsers ?? false),
      slotUsers: this.#slotUsers,
      mirrorUser: this.#mirrorUser,
      slotsCount: this.#slotsCount,
      labels: ["linux"],
      version: "0.1.0",
      machineEnv: { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8" },
      npmRegistryUrl: "http://127.0.0.1:9",
      toolCacheDirs: [],
      hasBash: true,
      clock: this.#clock,
      bootClockMs,
      logger: createLogger({ component: "agent", level: LOG_LEVEL }),
      ...(this.#openActions !== undefined && { openActions: this.#openActions }),
      onReady: () => {},
      onRefused: (refusal) => {
        this.refusals.push(refusal);
        // As the agent's own process does: at once.
        if (options.untilConnected === false) void agent.stop();
      },
    });
    this.#agents.push(agent);
    if (options.untilConnected !== false) await waitFor("the session", () => this.controller.isConnected);
    return agent;
  }

  /** Waits until the controller has the attempt's result. */
  async finished(attempt: FakeAttempt, timeoutMs?: number): Promise<NonNullable<FakeAttempt["finish"]>> {
    return waitFor("the finish", () => attempt.finish, timeoutMs);
  }

  /** What was last said of a step, with its remarks and its summary if it has ended. */
  lastReport(attempt: FakeAttempt, stepNo: number): StepReport | undefined {
    return attempt.reports.findLast((report) => report.stepNo === stepNo);
  }

  /** Final outcomes in order of steps. */
  outcomes(attempt: FakeAttempt): (string | undefined)[] {
    const byStep = new Map<number, string | undefined>();
    for (const report of attempt.reports) if (report.state === "finished") byStep.set(report.stepNo, report.outcome);
    return [...byStep.entries()].sort(([a], [b]) => a - b).map(([, outcome]) => outcome);
  }

  /** What backends keep for later begins with a dot. */
  sites(): string[] {
    return readdirSync(join(this.agentDir, "sites")).filter((name) => !name.startsWith("."));
  }

  workFolders(): string[] {
    return readdirSync(join(this.agentDir, "work"));
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents) await agent.stop();
    await this.controller.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const LOG_LEVEL = "error";

/** Looks every few ms until the answer is there; throws with `what` after `timeoutMs`. */
export async function waitFor<T>(what: string, look: () => T | undefined | false, timeoutMs = 10_000): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > until) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await systemClock.sleep(5);
  }
}
