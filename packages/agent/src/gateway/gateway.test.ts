import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { createLogger } from "@windrow/service";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Gateway, startGateway } from "./gateway.ts";
import { createRuntimeToken } from "./runtime-token.ts";

let controller: Server;
let paths: string[];
let gateway: Gateway;

beforeEach(async () => {
  paths = [];
  controller = createServer((request, response) => {
    paths.push(request.url ?? "");
    response.end("ok");
  });
  await new Promise<void>((resolve) => controller.listen(0, "127.0.0.1", resolve));
  const { port } = controller.address() as AddressInfo;
  gateway = await startGateway({
    controllerUrl: `http://127.0.0.1:${port}`,
    logger: createLogger({ component: "agent", level: "silent" }),
  });
});
afterEach(async () => {
  await gateway.stop();
  controller.closeAllConnections();
  controller.close();
});

/** The first line of the answer to these very bytes. */
function ask(target: string, headers = ""): Promise<string> {
  const port = Number(new URL(gateway.apiUrl).port);
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: windrow.localhost\r\nConnection: close\r\n${headers}\r\n`);
    });
    let text = "";
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
    });
    socket.setTimeout(2_000, () => socket.destroy(new Error(`no answer for ${target}`)));
    socket.on("error", reject);
    socket.on("close", () => resolve(text.split("\r\n")[0] ?? ""));
  });
}

describe("the gateway", () => {
  it.each(["//", "http://[", "///x", "http://:0/", "*"])(
    "refuses the request target %j and lives on",
    async (target) => {
      expect(await ask(target)).toMatch(/^HTTP\/1\.1 40[04]/);
      expect(await ask("/")).toMatch(/^HTTP\/1\.1 404/);
    },
  );

  it("forwards what changes a repository to the job's own only, whatever the path looks like", async () => {
    const close = gateway.admit({
      jobToken: "wrt_own",
      farmToken: "wrt_own",
      repository: "acme/app",
      runId: 7,
      jobId: 9,
    });
    const token = "Authorization: Bearer wrt_own\r\n";
    const service = "info/refs?service=git-receive-pack";
    const reading = "info/refs?service=git-upload-pack";
    expect(await ask(`/acme/app/${service}`, token)).toMatch(/ 200 /);
    expect(await ask(`/acme/other/${reading}`, token)).toMatch(/ 200 /);
    expect(paths.splice(0)).toEqual([`/git/acme/app.git/${service}`, `/git/acme/other.git/${reading}`]);
    expect(await ask(`/acme/app/${service}`, token)).toMatch(/ 200 /);
    expect(await ask(`/acme/app/../../acme/other/${service}`, token)).toMatch(/ 403 /);
    expect(await ask(`/acme/%2e%2e/${service}`, token)).toMatch(/ 40[034] /);
    expect(await ask(`http://elsewhere/acme/other/${service}`, token)).toMatch(/ 403 /);
    expect(await ask(`/acme/app/${service}`, "Authorization: Bearer wrt_other\r\n")).toMatch(/ 401 /);
    close();
    expect(await ask(`/acme/app/${service}`, token)).toMatch(/ 401 /);
    expect(paths).toHaveLength(1);
  });

  it("answers the toolkit's clients under the runtime token of a running job that nothing is kept yet", async () => {
    const job = { jobToken: "wrt_own", farmToken: "wrt_own", repository: "acme/app", runId: 7, jobId: 9 };
    const close = gateway.admit(job);
    const token = createRuntimeToken(job);
    const call = (path: string, shown: string) =>
      fetch(new URL(path, gateway.resultsUrl), { method: "POST", headers: { authorization: `Bearer ${shown}` } });
    const cache = "twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL";
    const answer = await call(cache, token);
    expect(answer.status).toBe(501);
    expect(await answer.json()).toMatchObject({ msg: "this farm keeps no caches yet" });
    const artifact = await call("twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact", token);
    expect(await artifact.json()).toMatchObject({ msg: "this farm keeps no artifacts yet" });
    expect((await call("_apis/artifactcache/cache", token)).status).toBe(501);
    expect((await call(cache, "wrt_own")).status).toBe(401);
    expect((await call(cache, createRuntimeToken({ ...job, jobToken: "wrt_other" }))).status).toBe(401);
    close();
    expect((await call(cache, token)).status).toBe(401);
  });

  it("says to clients of the API that there is none", async () => {
    gateway.admit({ jobToken: "wrt_own", farmToken: "wrt_own", repository: "acme/app", runId: 7, jobId: 9 });
    const authorization = "token wrt_own";
    const answer = await fetch(`${gateway.apiUrl}/repos/acme/app`, { headers: { authorization } });
    expect([answer.status, await answer.json()]).toEqual([
      501,
      { message: expect.stringMatching(/does not speak the GitHub API/) },
    ]);
    expect((await fetch(`${gateway.apiUrl}/repos/acme/app`)).status).toBe(401);
  });
});

it("the runtime token says whose results it is for, as the toolkit reads it", () => {
  const token = createRuntimeToken({ jobToken: "wrt_own", runId: 7, jobId: 9 });
  const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  expect(claims).toMatchObject({ scp: "Actions.Results:7:9" });
});
