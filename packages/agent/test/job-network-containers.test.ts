import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type ContainerEngine, createDockerEngine } from "@windrow/backends";
import {
  startTestEngine,
  TEST_IMAGES,
  type TestEngine,
  whyNoTestEngine,
  whyNoTestImage,
} from "@windrow/backends/testing";
import { CONTAINER_ALLOWANCES_DEFAULT, type EgressPolicy } from "@windrow/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AGENT_ADDRESS,
  AGENT_PORT,
  FARM,
  INTERNET,
  LAN,
  type LabAgent,
  METADATA,
  type NetworkLab,
  startLab,
  whyNoLab,
} from "./network-lab.ts";

const reason = whyNoLab() ?? (await whyNoTestEngine()) ?? whyNoTestImage("tools");
/** One that is known at once to be away, so that the engine's own copy is taken. */
const REGISTRY = "127.0.0.1:1/web";
const IMAGE = `${REGISTRY}:1`;
const RUN_MS_MAX = 30_000;
const SETUP_MS_MAX = 180_000;

describe.skipIf(reason !== undefined)(`the network of a job's containers${reason ? ` (${reason})` : ""}`, () => {
  let test: TestEngine;
  let engine: ContainerEngine;
  let lab: NetworkLab;
  let agent: LabAgent;
  let jobNo = 0;
  beforeAll(async () => {
    test = await startTestEngine({ networks: true, images: ["shell", "tools"] });
    lab = await startLab(test.network?.enter);
    agent = await lab.startAgent("a");
    engine = createDockerEngine({ socket: test.socket, agentId: "agent-1", agentDir: lab.dir, retryFirstMs: 10 });
    await test.docker.getImage(TEST_IMAGES.tools).tag({ repo: REGISTRY, tag: "1" });
  }, SETUP_MS_MAX);
  afterAll(async () => {
    await agent?.stop();
    await lab?.stop();
    await test?.stop();
  });

  /** A job with one service; answers a way to run scripts beside it. */
  async function open(egress: EgressPolicy, farmAccess = false) {
    const job = `box-${++jobNo}`;
    const site = { attemptId: job, siteDir: join(lab.dir, job), workDir: join(lab.dir, `${job}-work`) };
    mkdirSync(site.siteDir);
    mkdirSync(site.workDir);
    await agent.ask({ what: "prepare" });
    const containers = await engine.open(
      {
        site,
        services: [
          {
            ...{ name: "web", image: IMAGE, env: {}, mounts: [], options: "", ports: [], volumes: [] },
            entrypoint: ["node", "-e", "require('http').createServer((q, r) => r.end('the service\\n')).listen(80)"],
            command: [],
          },
        ],
        hasOutside: egress.kind === "all",
        limits: {},
        allowances: CONTAINER_ALLOWANCES_DEFAULT,
      },
      { say: () => undefined, signal: new AbortController().signal },
    );
    await agent.ask({ what: "open", job, egress, farmAccess, pid: containers.networkPid, serviceNames: ["web"] });
    const env = Object.entries(Object(await agent.ask({ what: "env", job }))).map(
      ([name, value]) => `${name}=${value}`,
    );
    const holder = await findByPid(test, containers.networkPid);
    const run = (script: string) => runBeside(test, holder, env, script);
    const close = async () => {
      await agent.ask({ what: "close", job });
      await containers.close();
    };
    return { run, close };
  }
  const doors = [`${FARM}:5432`, `${FARM}:4222`, `${FARM}:7071`, `${AGENT_ADDRESS}:${AGENT_PORT + 1}`];
  const everything = [...doors, `${METADATA}:80`, `${INTERNET}:80`, `${LAN}:80`];
  /** Of these addresses, those where somebody answers. */
  const knock = (addresses: readonly string[]) =>
    `${addresses
      .map((address) => {
        const [host, port] = address.split(":");
        return `(timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}' 2>/dev/null && echo ${address}) &`;
      })
      .join("\n")}\nwait`;
  /** The machine's end of the job's own network. */
  const knockMachine = `ip=$(getent hosts web | cut -d' ' -f1)
    m=\${ip%.*}.$(( (\${ip##*.} & ~15) + 1 ))
    timeout 3 bash -c "exec 3<>/dev/tcp/$m/${AGENT_PORT + 1}" 2>/dev/null && echo reached $m || echo no`;
  const lines = (text: string) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  const askGateway = () =>
    `curl --max-time 8 -sS -o /dev/null -w '%{http_code}\\n' http://windrow.localhost:${agent.gatewayPort}/api/v3/x
     timeout 8 node -e 'fetch("http://windrow.localhost:${agent.gatewayPort}/api/v3/x").then(async (r) => { await r.text(); process.stdout.write(r.status + "\\n"); })'
     curl --max-time 8 -sS http://web/`;

  it("policy all: curl and Node reach the internet and their services, nobody the farm or the machine", async () => {
    const { run, close } = await open({ kind: "all" });
    expect(await run(askGateway())).toBe("401\n401\nthe service\n");
    expect(await run(`curl -sS --max-time 9 http://${INTERNET}/hello`)).toBe("hello from outside\n");
    expect(lines(await run(knock(everything)))).toEqual([`${LAN}:80`, `${INTERNET}:80`].sort());
    expect(await run(knockMachine)).toBe("no\n");
    await close();
  });

  it("policy none: the gateway and the services, and nothing else", async () => {
    const { run, close } = await open({ kind: "none" });
    expect(await run(askGateway())).toBe("401\n401\nthe service\n");
    expect(lines(await run(knock(everything)))).toEqual([]);
    expect(await run(knockMachine)).toBe("no\n");
    await close();
  });

  it("policy allow: through the proxy to what is listed, past it to the services", async () => {
    const { run, close } = await open({ kind: "allow", hosts: ["site.test"] });
    expect(await run(askGateway())).toBe("401\n401\nthe service\n");
    const fetched = await run(
      `curl -sS http://site.test/hello
       node -e 'fetch("http://site.test/hello").then((r) => r.text()).then((t) => process.stdout.write(t))'
       curl -sS -o /dev/null -w '%{http_code}\\n' http://other.example/`,
    );
    expect(fetched).toBe("hello from outside\nhello from outside\n403\n");
    expect(lines(await run(knock(everything)))).toEqual([]);
    await close();
  });

  it("farm access lifts what keeps a job from the farm and the machine, and that alone", async () => {
    const { run, close } = await open({ kind: "all" }, true);
    expect(lines(await run(knock([...doors, `${METADATA}:80`])))).toEqual([...doors].sort());
    await close();
    const next = await open({ kind: "all" });
    expect(lines(await next.run(knock(doors)))).toEqual([]);
    await next.close();
  });

  it("does not reach another job's containers or sandbox", async () => {
    const one = await open({ kind: "all" });
    const other = await open({ kind: "all" });
    const address = (await one.run("getent hosts web | cut -d' ' -f1")).trim();
    expect(address).toMatch(/^10\.213\./);
    expect(lines(await other.run(knock([`${address}:80`])))).toEqual([]);
    await agent.ask({ what: "open", job: "sandboxed", egress: { kind: "all" } });
    expect(lines(await agent.run("sandboxed", knock([`${address}:80`])))).toEqual([]);
    expect(lines(await agent.run("sandboxed", knock([`${INTERNET}:80`])))).toEqual([`${INTERNET}:80`]);
    await one.close();
    await other.close();
  });
});

async function findByPid({ docker }: TestEngine, pid: number): Promise<string> {
  for (const { Id } of await docker.listContainers()) {
    if ((await docker.getContainer(Id).inspect()).State.Pid === pid) return Id;
  }
  throw new Error(`no container has the process ${pid}`);
}

/** What a script wrote in a container of its own on that network. */
async function runBeside({ docker }: TestEngine, holder: string, env: string[], script: string): Promise<string> {
  const container = await docker.createContainer({
    ...{ Image: TEST_IMAGES.tools, Cmd: ["bash", "-c", script], Entrypoint: [], Env: env },
    HostConfig: { NetworkMode: `container:${holder}`, CapDrop: ["ALL"] },
  });
  await container.start();
  const isOver = await Promise.race([
    container.wait().then(() => true),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), RUN_MS_MAX)),
  ]);
  const text = readFrames(await container.logs({ stdout: true, stderr: true, follow: false }));
  const processes = isOver ? "" : JSON.stringify((await container.top()).Processes);
  await container.remove({ force: true });
  if (!isOver) throw new Error(`still running: ${processes}\n${text}`);
  return text;
}

/** The engine puts eight bytes before each piece, of which the last four are its length. */
function readFrames(log: Buffer): string {
  let text = "";
  for (let at = 0; at + 8 <= log.length; ) {
    const end = at + 8 + log.readUInt32BE(at + 4);
    text += log.toString("utf8", at + 8, end);
    at = end;
  }
  return text;
}
