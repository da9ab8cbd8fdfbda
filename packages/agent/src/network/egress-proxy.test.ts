import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createEgressProxy, type EgressProxy } from "./egress-proxy.ts";
import { compileHostRules } from "./host-rules.ts";
import { judgeAddress } from "./judge-address.ts";
import { proxyVariables } from "./proxy-variables.ts";
import { createRefusalLines } from "./refusal-lines.ts";

let site: Server;
let sitePort: number;
let front: TcpServer;
let proxyPort: number;
let proxy: EgressProxy;
let asked: string[];
let refused: string[];
let seen: string[];
/** What names lead to; one after the other where a name is asked again. */
let names: { [name: string]: string[][] };

beforeEach(async () => {
  [asked, refused, seen] = [[], [], []];
  names = { "site.example": [["127.0.0.1"]] };
  site = createServer((request, response) => {
    seen.push(`${request.method} ${request.headers.host} ${request.url}`);
    if (request.url === "/away") return void response.writeHead(302, { location: "http://169.254.169.254/" }).end();
    request.pipe(response);
    if (request.method === "GET") response.end("the site\n");
  }).listen(0, "127.0.0.1");
  await once(site, "listening");
  sitePort = (site.address() as AddressInfo).port;
});
afterEach(() => {
  proxy.close();
  front.close();
  site.closeAllConnections();
  site.close();
});

async function start(hosts: readonly string[]): Promise<void> {
  proxy = createEgressProxy({
    hosts: compileHostRules(hosts),
    judge: (address) => (address === "127.0.0.1" ? undefined : judgeAddress(address)),
    async resolve(name) {
      asked.push(name);
      const answer = names[name]?.shift();
      if (answer === undefined) throw new Error("not found");
      return answer;
    },
    advice: "Ask an admin.",
    onRefused: createRefusalLines((line) => refused.push(line)),
  });
  front = createTcpServer((socket) => proxy.serve(socket)).listen(0, "127.0.0.1");
  await once(front, "listening");
  proxyPort = (front.address() as AddressInfo).port;
}

/** All that comes back to these bytes. */
function send(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(proxyPort, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.setEncoding("latin1").on("data", (piece: string) => {
      answer += piece;
    });
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no end of: ${answer}`)));
    socket.on("error", reject).on("close", () => resolve(answer));
  });
}
const get = (url: string) => send(`GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
const tunnel = (target: string, inner = "") => send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n${inner}`);

describe("the way out of a job", () => {
  it("carries plain requests and tunnels to what the pool lists, each name asked for once", async () => {
    await start([`site.example:${sitePort}`]);
    names = { "site.example": [["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]] };
    expect(await get(`http://site.example:${sitePort}/a?b=c`)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*the site\n$/);
    const inner = "GET /in HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n\r\n";
    expect(await tunnel(`SITE.example.:${sitePort}`, inner)).toMatch(
      /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 200 OK[\s\S]*the site/,
    );
    const post = `POST http://site.example:${sitePort}/up HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwords`;
    expect(await send(post)).toMatch(/\r\nwords\r\n/);
    expect(seen).toEqual([`GET site.example:${sitePort} /a?b=c`, "GET inner /in", `POST site.example:${sitePort} /up`]);
    expect(asked).toEqual(["site.example", "site.example", "site.example"]);
    expect(refused).toEqual([]);
  });

  it("refuses what is not listed with a sentence for people, and tells of it once", async () => {
    await start(["site.example"]);
    for (const answer of [await get("http://other.example/"), await tunnel("other.example:443")]) {
      expect(answer).toMatch(
        /^HTTP\/1\.1 403 [\s\S]*network policy[\s\S]*other\.example:\d+ is not on the pool's list\. Ask an admin\./,
      );
    }
    await tunnel("other.example:443");
    expect(await tunnel(`site.example:${sitePort}`)).toMatch(/^HTTP\/1\.1 403 /);
    expect(refused).toHaveLength(3);
    expect(asked).toEqual([]);
    for (let no = 0; no < 40; no++) await tunnel(`n${no}.example:443`);
    expect(refused).toHaveLength(21);
  });

  it("S24: refuses every way to write an address that is not of the internet", async () => {
    await start(["*.example", "site.example"]);
    for (const host of [
      ...[
        "127.0.0.1",
        "0177.1",
        "0x7f.1",
        "2130706433",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:7f00:1]",
        "[::ffff:127.0.0.1]",
      ],
      ...["169.254.169.254", "100.64.0.5", "[fe80::1]", "[64:ff9b::7f00:1]", "10.0.0.1", "localhost"],
    ]) {
      expect([host, await tunnel(`${host}:443`)]).toEqual([host, expect.stringMatching(/^HTTP\/1\.1 403 /)]);
      expect([host, await get(`http://${host}/`)]).toEqual([host, expect.stringMatching(/^HTTP\/1\.1 403 /)]);
    }
    expect(asked).toEqual([]);
  });

  it("S24: judges the address that a listed name leads to, once, and connects to that one", async () => {
    await start([`*.example:${sitePort}`, `site.example:${sitePort}`, `10.9.9.9:${sitePort}`]);
    const port = sitePort;
    for (const address of ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "100.64.0.5", "::1", "fd00::1"]) {
      names["bad.example"] = [[address]];
      expect(await tunnel(`bad.example:${port}`)).toMatch(/^HTTP\/1\.1 403 [\s\S]*leads to/);
    }
    // the second answer would lead inside: nobody asks for it
    names["turning.example"] = [["127.0.0.1"], ["169.254.169.254"]];
    asked = [];
    expect(await get(`http://turning.example:${port}/`)).toMatch(/ 200 /);
    expect(asked).toEqual(["turning.example"]);
    expect(await get(`http://turning.example:${port}/`)).toMatch(/ 403 /);
    // one good address among bad ones is the one that is taken
    names["both.example"] = [["10.0.0.1", "127.0.0.1"]];
    expect(await get(`http://both.example:${port}/`)).toMatch(/ 200 /);
    // a wildcard does not open an address that is listed besides
    names["wild.example"] = [["10.9.9.9"]];
    expect(await tunnel(`wild.example:${port}`)).toMatch(/ 403 /);
  });

  it("S24: follows no redirect: who follows it asks anew", async () => {
    await start([`site.example:${sitePort}`]);
    expect(await get(`http://site.example:${sitePort}/away`)).toMatch(/ 302 [\s\S]*169\.254\.169\.254/);
    expect(await get("http://169.254.169.254/")).toMatch(/ 403 /);
  });

  it("answers nonsense and lives on", async () => {
    await start([`site.example:${sitePort}`]);
    for (const line of [
      "GET / HTTP/1.1",
      "GET https://site.example/ HTTP/1.1",
      "CONNECT nowhere HTTP/1.1",
      "GET ftp://x/ HTTP/1.1",
    ]) {
      expect(await send(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
    }
    await send(`GET / HTTP/1.1\r\nX: ${"x".repeat(100_000)}\r\n\r\n`).catch((error: unknown) => error);
    names["gone.example"] = [];
    expect(await get(`http://site.example:${sitePort}/`)).toMatch(/ 200 /);
  });

  it("is found by curl and by Node's own fetch", async () => {
    await start([`site.example:${sitePort}`]);
    names["site.example"] = Array.from({ length: 4 }, () => ["127.0.0.1"]);
    const env: NodeJS.ProcessEnv = { PATH: "/usr/bin:/bin", ...proxyVariables({ proxyPort, serviceNames: ["db"] }) };
    const run = promisify(execFile);
    const curl = await run("curl", ["-sS", `http://site.example:${sitePort}/`], { env });
    expect(curl.stdout).toBe("the site\n");
    const script = `fetch("http://site.example:${sitePort}/").then((r) => r.text()).then((t) => process.stdout.write(t))`;
    expect((await run(process.execPath, ["-e", script], { env })).stdout).toBe("the site\n");
    expect(env.NO_PROXY).toBe("localhost,127.0.0.1,::1,windrow.localhost,.localhost,db");
  });
});

describe("a pool's list of hosts", () => {
  it.each([
    ["registry.example", "registry.example:443", "exact"],
    ["registry.example", "registry.example:80", "exact"],
    ["registry.example", "registry.example:8080", undefined],
    ["Registry.Example:8080", "registry.example.:8080", "exact"],
    ["registry.example:8080", "registry.example:443", undefined],
    ["*.example", "a.b.example:443", "wildcard"],
    ["*.example", "example:443", undefined],
    ["*.example", "notexample:443", undefined],
    ["*.0.0.1", "127.0.0.1:443", undefined],
    ["*", "registry.example:443", undefined],
    ["10.0.0.7", "10.0.0.7:443", "exact"],
    ["10.0.0.7", "012.0.0.7:443", "exact"],
    ["fd00::7", "[fd00:0::7]:443", "exact"],
    ["[fd00::7]:99", "[fd00::7]:99", "exact"],
    ["", "registry.example:443", undefined],
  ])("%j and %j: %j", async (entry, target, found) => {
    const { readTarget } = await import("./host-rules.ts");
    const read = readTarget(target);
    expect(read && compileHostRules([entry]).find(read)).toBe(found);
  });
});
