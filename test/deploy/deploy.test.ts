import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startPostgres, writeNatsConfig } from "@windrow/embedded";
import { findFreePort, startTestNats } from "@windrow/embedded/testing";
import { createLogger } from "@windrow/service";
import { probeNats, readNatsKeys } from "@windrow/wire";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { createTemporaryFolder } from "../kit/temporary-folder.ts";
import { waitFor } from "../kit/wait-for.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const deploy = join(root, "deploy");
const run = promisify(execFile);
const MAIN = join(root, "packages/cli/src/main.ts");

const files = readdirSync(deploy, { recursive: true, encoding: "utf8", withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
const textOf = (name: string): string => readFileSync(join(deploy, name), "utf8");

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
}
const compose: { readonly services: Readonly<Record<string, Service>>; readonly volumes: object } = parse(
  textOf("compose.yaml"),
  { merge: true },
);

test("every environment variable that a file of deploy/ sets is one that the code reads", () => {
  const places = ["controller/src/config.ts", "agent/src/config.ts", "cli/src/config/settings.ts"];
  const code = places.map((place) => readFileSync(join(root, "packages", place), "utf8")).join("");
  const known = new Set(code.match(/\bWINDROW_[A-Z_]+\b/g));
  // what compose fills in from the environment of whoever calls it, is compose's own
  const ownOfCompose = new Set([...textOf("compose.yaml").matchAll(/\$\{(WINDROW_[A-Z_]+)/g)].map((match) => match[1]));
  const unknown = files.flatMap((file) => {
    const named = readFileSync(file, "utf8").match(/\bWINDROW_[A-Z_]+\b/g) ?? [];
    return named.filter((name) => !known.has(name) && !ownOfCompose.has(name)).map((name) => `${file}: ${name}`);
  });
  expect(unknown).toEqual([]);
  expect(known.size).toBeGreaterThan(20);
});

test("every command of the compose file and of the Dockerfiles has the flags that it is given", async () => {
  const commands = Object.values(compose.services)
    .filter(({ image }) => image.startsWith("windrow-"))
    .flatMap(({ command }) => (command === undefined ? [] : [command]));
  for (const file of files.filter((name) => name.endsWith("Dockerfile"))) {
    const command = /^CMD (\[.*\])$/m.exec(readFileSync(file, "utf8"))?.[1];
    if (command !== undefined) commands.push(JSON.parse(command));
  }
  expect(commands.length).toBeGreaterThan(3);
  const helps = new Map<string, string>();
  for (const words of commands) {
    const name = words.slice(0, words.findIndex((word) => !/^[a-z-]+$/.test(word)) >>> 0);
    const verbs = name.filter((word) => !word.startsWith("-"));
    const key = verbs.join(" ");
    if (!helps.has(key)) {
      const { stdout } = await run(process.execPath, ["--import", "tsx", MAIN, ...verbs, "--help"], { cwd: root });
      helps.set(key, stdout);
    }
    for (const flag of words.filter((word) => word.startsWith("--"))) expect(helps.get(key)).toContain(`${flag} `);
  }
});

test("the compose file is whole: what it builds, mounts and waits for is there", () => {
  const names = Object.keys(compose.services);
  expect(names).toEqual(expect.arrayContaining(["postgres", "nats", "controller-1", "controller-2"]));
  for (const [name, { build, volumes = [], depends_on = {} }] of Object.entries(compose.services)) {
    if (build !== undefined) expect(existsSync(join(deploy, build.context, build.dockerfile)), name).toBe(true);
    for (const volume of volumes) {
      const [source = ""] = volume.split(":");
      const isThere = source.startsWith(".") ? existsSync(join(deploy, source)) : source in compose.volumes;
      expect(isThere, volume).toBe(true);
    }
    for (const other of Object.keys(depends_on)) expect(names).toContain(other);
  }
  // what a controller stores is what the other one finds
  expect(compose.services["controller-1"]?.volumes).toEqual(compose.services["controller-2"]?.volumes);
});

test("the units are ones that systemd takes", async (context) => {
  const hasSystemd = existsSync("/usr/bin/systemd-analyze") && existsSync("/usr/lib/systemd/system");
  context.skip(!hasSystemd, "systemd-analyze is not on this machine");
  // a machine of its own: the programs that the units start are there
  const machine = createTemporaryFolder("windrow-units-");
  const units = readdirSync(join(deploy, "systemd")).filter((name) => name.endsWith(".service"));
  cpSync("/usr/lib/systemd/system", join(machine, "usr/lib/systemd/system"), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const place = join(machine, "etc/systemd/system");
  mkdirSync(place, { recursive: true });
  const checked: string[] = [];
  for (const unit of units) {
    const text = textOf(`systemd/${unit}`);
    const [, program = ""] = /^ExecStart=(\S+)/m.exec(text) ?? [];
    const file = join(machine, program.replaceAll("%i", "one"));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "#!/bin/sh\n");
    chmodSync(file, 0o755);
    const name = unit.replace("@.", "@one.");
    writeFileSync(join(place, unit), text);
    writeFileSync(join(place, name), text);
    checked.push(name);
    // a supervisor outlives the agent, and an orderly stop is what the first SIGTERM asks for
    if (unit.startsWith("windrow-agent")) expect(text).toMatch(/^KillMode=process$/m);
    expect(text).toMatch(/^RestartPreventExitStatus=\d+$/m);
  }
  expect(checked).toHaveLength(3);
  const { stdout, stderr } = await run("systemd-analyze", ["verify", "--man=no", `--root=${machine}`, ...checked]);
  expect(stdout + stderr).toBe("");
});

test("the example of nats.conf is what nats-config writes, and keeps what it promises on a real server", async () => {
  const known = await startTestNats();
  onTestFinished(() => known.remove());
  const [program = ""] = readFileSync(`/proc/${known.pid}/cmdline`, "latin1").split("\0");
  const port = await findFreePort();
  const outDir = createTemporaryFolder("windrow-nats-example-");
  const { configFile, serverDir, keysFile } = await writeNatsConfig({ outDir, listenAddress: "127.0.0.1", port });
  const written = readFileSync(configFile, "utf8");
  const keysOf = (text: string): string[] => [...text.matchAll(/^(\w+):/gm)].map((match) => match[1] ?? "");
  const example = textOf("nats/nats.conf.example");
  expect(keysOf(example)).toEqual([...keysOf(written), "tls"]);
  // its own keys and places for the dots; the certificate is a matter of the farm's authority
  const lineOf = (key: string): string => new RegExp(`^${key}: .*$`, "m").exec(written)?.[0] ?? "";
  const filled = ["server_name", "listen", "operator", "system_account"]
    .reduce((text, key) => text.replace(new RegExp(`^${key}: .*$`, "m"), lineOf(key)), example)
    .replace("/etc/nats/windrow/accounts", join(serverDir, "accounts"))
    .replace(/^tls: .*$/m, "");
  writeFileSync(configFile, filled);
  const server = spawn(program, ["-c", configFile], { stdio: "ignore" });
  onTestFinished(async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
  });
  const keys = await readNatsKeys(keysFile);
  const probe = await waitFor("nats-server to answer", async () => {
    const answer = await probeNats({ urls: [`nats://127.0.0.1:${port}`], keys }).catch(() => undefined);
    return answer !== undefined && answer.servers.length > 0 ? answer : undefined;
  });
  expect(probe).toMatchObject({ isOpenToStrangers: false, leaks: [], servers: [{ otherListeners: [] }] });
});

test("the example of Postgres' configuration is one that Postgres takes", async () => {
  const dataDir = createTemporaryFolder("windrow-postgres-example-");
  chmodSync(dataDir, 0o755);
  // a test's server listens on its socket only
  const text = textOf("postgres/windrow.conf").replace(/^listen_addresses.*$/m, "");
  const local = join(dataDir, "postgresql.local.conf");
  writeFileSync(local, text);
  chmodSync(local, 0o644);
  const postgres = await startPostgres({ dataDir, logger: createLogger({ component: "test", level: "warn" }) });
  onTestFinished(() => postgres.stop());
  const client = new pg.Client(postgres.connectionString);
  await client.connect();
  try {
    // it started, so that it knows every setting and takes every value
    const settings = [...text.matchAll(/^(\w+) = '?([^'#\s]+)/gm)].map(([, name = "", value = ""]) => ({
      name,
      value,
    }));
    expect(settings.length).toBeGreaterThan(15);
    for (const { name, value } of settings) {
      const { rows } = await client.query(
        "select setting, current_setting(name) as shown from pg_settings where lower(name) = lower($1)",
        [name],
      );
      expect([rows[0]?.setting, rows[0]?.shown], name).toContain(value);
    }
  } finally {
    await client.end();
  }
});
