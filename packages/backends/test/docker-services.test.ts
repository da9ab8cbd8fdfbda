import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  createTestNetwork,
  startTestEngine,
  TEST_IMAGES,
  type TestEngine,
  whyNoTestEngine,
  whyNoTestImage,
} from "../src/testing.ts";
import { createDockerKit, type DockerKit, runInside, runStep, specOf } from "./docker-kit.ts";

const missing = await whyNoTestEngine();
const run = promisify(execFile);

describe.skipIf(missing !== undefined)(
  `services of jobs${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let engine: TestEngine;
    let kit: DockerKit;
    const hasPostgres = whyNoTestImage("postgres") === undefined && whyNoTestImage("tools") === undefined;
    beforeAll(async () => {
      engine = await startTestEngine({
        networks: true,
        images: hasPostgres ? ["shell", "tools", "postgres"] : ["shell"],
      });
      kit = await createDockerKit(engine);
    }, 180_000);
    afterEach(() => kit.endJobs());
    afterAll(async () => {
      await kit?.remove();
      await engine?.stop();
    });
    const serviceOf = (name: string, script: string, over: Parameters<typeof specOf>[0] = {}) => ({
      ...specOf({ entrypoint: ["sh", "-c"], command: [script], ...over }),
      name,
    });
    /** A process of the machine, as a step without a container is. */
    const onMachine = async (script: string) => {
      const [program = "", ...args] = [...(engine.network?.enter ?? []), "bash", "-c", script];
      return (await run(program, args)).stdout;
    };

    it.skipIf(!hasPostgres)("a Postgres is waited for until it is healthy, and found by its name", async () => {
      const db = {
        ...specOf({ image: TEST_IMAGES.postgres, env: { POSTGRES_PASSWORD: "secret", POSTGRES_DB: "app" } }),
        name: "db",
      };
      const options =
        "--health-cmd pg_isready --health-interval 200ms --health-timeout 2s --health-retries 50 --name database";
      const { job, services } = await kit.open({
        container: specOf({ image: TEST_IMAGES.tools }),
        services: [{ ...db, options }],
      });
      expect(kit.said.join("\n")).toMatch(/The service db is healthy after \d+ s/);
      for (const [index, host] of ["db", "database"].entries()) {
        const ready = await runInside(job, `exec /usr/local/bin/pg_isready -h ${host}`, { stepNo: index + 1 });
        expect(ready).toEqual({ exitCode: 0, output: `${host}:5432 - R\n` });
      }
      expect(services.get("db")).toMatchObject({ ports: {} });
    });

    it("that are unhealthy, or end, are told with the last lines of their logs", async () => {
      const options = "--health-cmd 'echo not yet; exit 1' --health-interval 100ms --health-retries 2";
      const sick = serviceOf("sick", "for i in $(seq 100); do echo line $i; done; echo bad >&2; sleep 600", {
        options,
      });
      await expect(kit.open({ services: [sick] })).rejects.toMatchObject({
        code: "service_failed",
        message: expect.stringMatching(
          /sick is unhealthy \(its health check ended with exit code 1: not yet\).*line 40\n.*line 100/s,
        ),
      });
      const short = serviceOf("short", "echo no such luck; exit 3", { options: "--health-cmd true" });
      await expect(kit.open({ services: [short] })).rejects.toMatchObject({
        code: "service_failed",
        message: expect.stringMatching(/short ended with exit code 3 .*no such luck/s),
      });
      expect(await engine.docker.listContainers({ all: true })).toEqual([]);
    });

    it("are published on the machine's loopback alone, and only where no container of the job's own is beside them", async () => {
      const listen = "while :; do sleep 1; done";
      const ports = ["8080:80", "0.0.0.0::81", "53/udp"];
      const alone = await kit.open({ services: [serviceOf("web", listen, { ports })] });
      const facts = alone.services.get("web");
      expect(facts?.ports).toEqual({
        "80": "8080",
        "81": expect.stringMatching(/^\d+$/),
        "53/udp": expect.stringMatching(/^\d+$/),
      });
      const { NetworkSettings: settings } = await engine.docker.getContainer(facts?.id ?? "").inspect();
      expect(Object.values(settings.Ports).flatMap((one) => (one ?? []).map(({ HostIp }) => HostIp))).toEqual(
        Array(3).fill("127.0.0.1"),
      );
      expect(await onMachine("exec 3<>/dev/tcp/127.0.0.1/8080 && echo open")).toBe("open\n");
      expect((await alone.close()).leftCount).toBe(0);
      const beside = await kit.open({ container: specOf(), services: [serviceOf("web", listen, { ports })] });
      expect(beside.services.get("web")?.ports).toEqual({});
    });

    it("share a network with the job's container and its steps, and nobody else's", async () => {
      const one = await kit.open({ container: specOf(), services: [serviceOf("other", "sleep 600")] });
      const addressOf = async (containers: typeof one) => {
        const found = await engine.docker.getContainer(containers.services.get("other")?.id ?? "").inspect();
        return found.NetworkSettings.Networks[containers.network]?.IPAddress ?? "";
      };
      const two = await kit.open({ container: specOf(), services: [serviceOf("other", "sleep 600")] });
      const addresses = [await addressOf(one), await addressOf(two)];
      expect(addresses[0]).not.toBe(addresses[1]);
      expect(addresses.every((address) => address.startsWith("10.213."))).toBe(true);
      const step = await runStep(one, 9, "readlink /proc/self/ns/net");
      const own = await runInside(one.job, "readlink /proc/self/ns/net", { stepNo: 2 });
      expect(step.output.toString()).toBe(own.output);
    });

    it.skipIf(!hasPostgres)(
      "on a network that leads nowhere are offered all the same, also by an agent that came back",
      async () => {
        const { site } = await kit.openSite();
        const fixture = fileURLToPath(new URL("./fixtures/agent-with-services.ts", import.meta.url));
        const words = [process.execPath, fixture, engine.socket, kit.agentDir, JSON.stringify(site), TEST_IMAGES.tools];
        const begin = async () => {
          const [program = "", ...args] = [...(engine.network?.enter ?? []), ...words];
          const agent = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
          const [line] = await once(agent.stdout, "data");
          return { agent, ...JSON.parse(String(line)) };
        };
        const end = async (agent: ReturnType<typeof spawn>) => {
          const gone = once(agent, "exit");
          agent.kill("SIGKILL");
          await gone;
        };
        const first = await begin();
        expect(first).toMatchObject({ isFound: false, ports: { 80: expect.stringMatching(/^\d+$/) } });
        const ask = `curl -s --max-time 5 http://127.0.0.1:${first.ports[80]}/`;
        expect(await onMachine(ask)).toBe("served\n");
        await end(first.agent);
        const second = await begin();
        expect(second).toMatchObject({ isFound: true, ports: first.ports });
        expect(await onMachine(ask)).toBe("served\n");
        await end(second.agent);
      },
    );

    it.skipIf(!hasPostgres)("lead outside only where the job may go there", async () => {
      const outside = createTestNetwork();
      const inner = ["ip", "-n", engine.network?.name ?? ""];
      const outer = ["ip", "-n", outside.name];
      for (const words of [
        [...inner, "link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", outside.name],
        [...inner, "addr", "add", "192.0.2.1/24", "dev", "out0"],
        [...inner, "link", "set", "out0", "up"],
        [...outer, "addr", "add", "192.0.2.2/24", "dev", "eth0"],
        [...outer, "link", "set", "eth0", "up"],
      ]) {
        await run("ip", words.slice(1));
      }
      const program =
        'require("node:http").createServer((_, answer) => answer.end("outside\\n")).listen(80, () => console.log("ready"))';
      const [command = "", ...args] = [...outside.enter, process.execPath, "-e", program];
      const server = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
      try {
        await once(server.stdout, "data");
        const image = TEST_IMAGES.tools;
        const ask = "curl -s --max-time 2 http://192.0.2.2/";
        const open = await kit.open({ container: specOf({ image }) });
        expect(await runInside(open.job, ask)).toEqual({ exitCode: 0, output: "outside\n" });
        const closed = await kit.open({ container: specOf({ image }), hasOutside: false });
        expect((await runInside(closed.job, ask)).exitCode).toBe(28);
      } finally {
        server.kill("SIGKILL");
        outside.remove();
      }
    });
  },
);
