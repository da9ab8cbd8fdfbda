import { execFileSync } from "node:child_process";
import { join } from "node:path";
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

const reason = whyNoLab();
const ALL = { kind: "all" } as const;
const NONE = { kind: "none" } as const;

describe.skipIf(reason !== undefined)(`the network of a sandboxed job${reason ? ` (${reason})` : ""}`, () => {
  let lab: NetworkLab;
  let agent: LabAgent;
  let jobNo = 0;
  beforeAll(async () => {
    lab = await startLab();
    makeRepository(lab.dir);
    agent = await lab.startAgent("a");
  });
  afterAll(async () => {
    await agent?.stop();
    await lab?.stop();
  });

  async function open(egress: { kind: "all" } | { kind: "none" } | { kind: "allow"; hosts: string[] }, more = {}) {
    const job = `job-${++jobNo}`;
    await agent.ask({ what: "open", job, egress, ...more });
    return job;
  }
  /** What says something at these addresses, as seen by the job. */
  async function reachable(job: string, addresses: readonly string[]): Promise<string[]> {
    const tries = addresses.map((address) => {
      const [host, port] = address.split(":");
      return `(timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}' 2>/dev/null && echo ${address}) &`;
    });
    const text = await agent.run(job, `${tries.join("\n")}\nwait`);
    return text
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  }
  const farmDoors = [`${FARM}:5432`, `${FARM}:4222`, `${FARM}:7071`];
  const machineDoors = [`${AGENT_ADDRESS}:${AGENT_PORT + 1}`];

  it("policy none: finds its gateway and its services' ports on its own loopback, and nothing else anywhere", async () => {
    const { gatewayPort, servicePort } = agent;
    const job = await open(NONE, { ports: [servicePort] });
    const seen = await agent.run(
      job,
      `curl -sS -o /dev/null -w '%{http_code}\\n' -u x:wrt_own http://windrow.localhost:${gatewayPort}/api/v3/x
       curl -sS -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:${gatewayPort}/api/v3/x
       node -e 'fetch("http://windrow.localhost:${gatewayPort}/api/v3/x").then(async (r) => { await r.text(); process.stdout.write(r.status + "\\n"); })'
       curl -sS http://127.0.0.1:${servicePort}/
       git ls-remote http://windrow.localhost:${gatewayPort}/acme/other 2>&1 </dev/null | tail -1
       tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; env | grep -i proxy`,
    );
    expect(seen).toMatch(/^501\n401\n401\nthe service\n[^\n]+\nlo\n$/);
    expect(
      await reachable(job, [...farmDoors, ...machineDoors, `${INTERNET}:80`, `${METADATA}:80`, `${LAN}:80`]),
    ).toEqual([]);
  });

  it("policy all: reaches the internet by name with git, curl and Node, but not the farm, the machine or who tells it who it is", async () => {
    const job = await open(ALL);
    const seen = await agent.run(
      job,
      `curl -sS --max-time 9 http://site.test/hello
       git clone -q http://site.test/repo.git cloned && cat cloned/file
       node -e 'fetch("http://site.test/hello").then((r) => r.text()).then((t) => process.stdout.write(t))'
       curl -sS -o /dev/null -w '%{http_code}\\n' http://windrow.localhost:${agent.gatewayPort}/api/v3/x`,
    );
    expect(seen).toBe("hello from outside\nin the repository\nhello from outside\n401\n");
    const doors = [`${INTERNET}:80`, `${LAN}:80`, ...farmDoors, ...machineDoors, `${METADATA}:80`];
    expect(await reachable(job, doors)).toEqual([`${LAN}:80`, `${INTERNET}:80`].sort());
    // the machine's end of the job's own link, by whatever port
    const ownEnd = await agent.run(job, "ip route show default | cut -d' ' -f3 || true");
    expect(await reachable(job, [`${ownEnd.trim()}:${AGENT_PORT + 1}`])).toEqual([]);
    expect(await agent.run(job, `curl -sS --max-time 5 http://${FARM}:7071 2>&1 || echo $?`)).toMatch(
      /after \d{1,3} ms/,
    );
  });

  it("policy all: does not reach other jobs, nor do they reach it", async () => {
    const [one, other] = [await open(ALL), await open(ALL)];
    const addressOf = (job: string) => agent.run(job, "ip -4 -o addr show eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'");
    const serve = "require('net').createServer((s) => s.end()).listen(8080, '0.0.0.0')";
    await agent.run(one, `node -e "${serve}" & until (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; do :; done`);
    const address = (await addressOf(one)).trim();
    expect(address).toMatch(/^10\.213\./);
    expect((await addressOf(other)).trim()).not.toBe(address);
    expect(await reachable(other, [`${address}:8080`])).toEqual([]);
    // nor does any other machine: only answers come in
    lab.outside("ip", "route", "replace", "10.213.0.0/16", "via", AGENT_ADDRESS);
    const knock = `timeout 2 bash -c 'exec 3<>/dev/tcp/${address}/8080' 2>/dev/null && echo open || echo shut`;
    expect(lab.outside("sh", "-c", knock)).toBe("shut\n");
    expect(await reachable(one, [`${address}:8080`])).toEqual([`${address}:8080`]);
  });

  it("policy all with farm access: reaches the farm and the machine as well, and nobody else does for it", async () => {
    const job = await open(ALL, { farmAccess: true });
    const plain = await open(ALL);
    const doors = [...farmDoors, ...machineDoors, `${METADATA}:80`];
    expect(await reachable(job, doors)).toEqual([...farmDoors, ...machineDoors].sort());
    expect(await reachable(plain, doors)).toEqual([]);
    await agent.ask({ what: "close", job });
    const next = await open(ALL);
    expect(await reachable(next, doors)).toEqual([]);
  });

  it("policy allow: git, curl, Node and npm get through the proxy to what is listed, by either protocol", async () => {
    const job = await open({ kind: "allow", hosts: ["site.test"] });
    const ca = join(lab.dir, "readable", "cert.pem");
    const seen = await agent.run(
      job,
      `export NODE_EXTRA_CA_CERTS=${ca} GIT_SSL_CAINFO=${ca} CURL_CA_BUNDLE=${ca}
       curl -sS http://site.test/hello
       curl -sS https://site.test/hello
       git clone -q https://site.test/repo.git one && cat one/file
       git clone -q http://site.test/repo.git two && cat two/file
       node -e 'fetch("https://site.test/hello").then((r) => r.text()).then((t) => process.stdout.write(t))'
       npm view --cache /tmp/npm --registry http://site.test/npm/ thing version 2>&1
       curl -sS -o /dev/null -w '%{http_code}\\n' http://windrow.localhost:${agent.gatewayPort}/api/v3/x
       tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '`,
    );
    const hello = "hello from outside\n";
    const file = "in the repository\n";
    expect(seen).toBe(`${hello}${hello}${file}${file}${hello}1.2.3\n401\nlo\n`);
    expect(await agent.ask({ what: "refused" })).toEqual([]);
  });

  it("S24: policy allow: refuses everything else, says so to the program and once in the job's log", async () => {
    const job = await open({ kind: "allow", hosts: ["site.test", "farm.test:7071", "*.test"] });
    const ask = (url: string) => `curl -sS -o /dev/null -w '%{http_code} ' --max-time 9 ${url} 2>/dev/null`;
    const seen = await agent.run(
      job,
      `${ask("http://other.example/")}; ${ask(`http://${INTERNET}/`)}; ${ask("http://farm.test:7071/")}; ${ask(`http://${METADATA}/`)}
       ${ask("http://metadata.test/")}; ${ask("http://lan.test/")}; ${ask(`http://${AGENT_ADDRESS}:9100/`)}
       curl -sS http://other.example/; git ls-remote https://other.example/x 2>&1 | tail -1`,
    );
    expect(seen).toMatch(/^403 403 403 403 403 403 403 The network policy of this job's pool refused/);
    expect(seen).toContain("windrow pool set default --egress");
    expect(seen).toMatch(/CONNECT tunnel failed, response 403|403 from proxy/);
    const lines = String(await agent.ask({ what: "refused" }));
    for (const word of ["other.example:80", "an address of the farm", METADATA, "lan.test:80"])
      expect(lines).toContain(word);
    expect(await reachable(job, [...farmDoors, ...machineDoors, `${INTERNET}:80`])).toEqual([]);
  });

  it("policy allow: reaches an address within that an admin listed", async () => {
    const job = await open({ kind: "allow", hosts: [LAN, "lan.test"] });
    const both = await agent.run(job, `curl -sS http://${LAN}/; curl -sS http://lan.test/`);
    expect(both).toBe("a neighbour\na neighbour\n");
  });

  it("stands again when another program has taken the wall away, before the next job runs", async () => {
    const job = await open(ALL);
    lab.onMachine("iptables", "-F");
    lab.onMachine("iptables", "-t", "mangle", "-F");
    lab.onMachine("iptables", "-I", "FORWARD", "-j", "ACCEPT");
    await open(ALL);
    expect(await reachable(job, [...farmDoors, ...machineDoors, `${METADATA}:80`])).toEqual([]);
    // a rule that accepts everything in front of ours, as an engine puts there, opens nothing to outside
    lab.onMachine("iptables", "-I", "FORWARD", "-j", "ACCEPT");
    expect(await reachable(job, [...farmDoors, `${METADATA}:80`])).toEqual([]);
    await agent.ask({ what: "close", job });
  });

  it("is offered again by the agent's next process, with the address it had; a taken port is named", async () => {
    const first = await lab.startAgent("again");
    const { gatewayPort } = first;
    await first.ask({ what: "open", job: "kept", egress: ALL });
    await first.ask({ what: "open", job: "squatted", egress: NONE });
    const squat = `setTimeout(function look() {
      require("net").createServer().on("error", () => setTimeout(look, 20)).listen(${gatewayPort}, "127.0.0.1", () => require("fs").writeFileSync("/tmp/taken", ""));
    })`;
    await first.run("squatted", `node -e '${squat}' >/dev/null 2>&1 &`);
    const address = "ip -4 -o addr show eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'";
    const before = await first.run("kept", address);
    await first.kill();
    const second = await lab.startAgent("again");
    expect(second.gatewayPort).toBe(gatewayPort);
    await second.ask({ what: "open", job: "kept", egress: ALL, attach: true });
    const ask = `curl -sS -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:${gatewayPort}/api/v3/x`;
    expect(await second.run("kept", `${address}; ${ask}; curl -sS http://site.test/hello`)).toBe(
      `${before}401\nhello from outside\n`,
    );
    await expect(second.ask({ what: "open", job: "squatted", egress: NONE, attach: true })).rejects.toThrow(
      `a process of the job listens on tcp port ${gatewayPort} of 127.0.0.1, where the agent is to answer`,
    );
    await second.stop();
  });

  it("resolves names where the machine's name server is one of its loopback; agents share the wall", async () => {
    const stubbed = await lab.startAgent("stub", { stub: true });
    await stubbed.ask({ what: "open", job: "named", egress: ALL });
    expect(await stubbed.run("named", "cat /etc/resolv.conf; curl -sS --max-time 9 http://site.test/hello")).toBe(
      "nameserver 127.0.0.53\nhello from outside\n",
    );
    const job = await open(ALL);
    expect(await reachable(job, farmDoors)).toEqual([]);
    expect(await stubbed.run("named", `timeout 3 bash -c 'exec 3<>/dev/tcp/${FARM}/5432' 2>/dev/null || echo no`)).toBe(
      "no\n",
    );
    await stubbed.stop();
    // however many agents there were, the wall names each address once
    const named = lab.onMachine("iptables-save", "-t", "mangle").match(/-d \S+ .*windrow:farm:/g) ?? [];
    expect(named.map((rule) => rule.split(" ")[1])).toEqual([`${FARM}/32`]);
  });

  it("leaves no link behind", async () => {
    const count = () => lab.onMachine("ip", "-o", "link").match(/wrj\d+/g)?.length ?? 0;
    const before = count();
    const job = await open(ALL);
    expect(count()).toBe(before + 1);
    await agent.ask({ what: "close", job });
    const untilMs = performance.now() + 5_000;
    while (count() > before && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(count()).toBe(before);
  });

  it("leaves the wall to the agents that are still there; the last that is stopped takes it away", async () => {
    const rules = () => lab.onMachine("iptables-save");
    const owners = () => new Set([...rules().matchAll(/windrow:agent:(\w+):/g)].map(([, owner]) => owner)).size;
    const before = owners();
    const other = await lab.startAgent("last");
    await other.ask({ what: "open", job: "one", egress: ALL });
    expect(owners()).toBe(before + 1);
    await other.stop();
    expect(owners()).toBe(before);
    expect(rules()).toContain("WINDROW-");
    await agent.ask({ what: "stop" });
    expect(rules()).not.toContain("WINDROW-");
    agent = await lab.startAgent("a");
  });
});

/** A repository that a server of files serves. */
function makeRepository(dir: string): void {
  const script = `
    set -e; cd ${dir}; git init -q -b main work; cd work; echo 'in the repository' >file
    git add file; git -c user.name=x -c user.email=x@x commit -qm x
    mkdir ../www/npm; echo '{"name":"thing","dist-tags":{"latest":"1.2.3"},"versions":{"1.2.3":{"name":"thing","version":"1.2.3","dist":{}}}}' >../www/npm/thing
    git clone -q --bare . ../www/repo.git; git -C ../www/repo.git update-server-info`;
  execFileSync("sh", ["-c", script], { env: { PATH: "/usr/bin:/bin", HOME: dir, GIT_CONFIG_NOSYSTEM: "1" } });
}
