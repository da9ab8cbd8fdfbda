import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { createLogger } from "@windrow/service";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Gateway, startGateway } from "./gateway.ts";

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

  it("forwards a job's own repository only, whatever the path looks like", async () => {
    const close = gateway.admit({ jobToken: "wrt_own", farmToken: "wrt_own", repository: "acme/app" });
    const token = "Authorization: Bearer wrt_own\r\n";
    const service = "info/refs?service=git-upload-pack";
    expect(await ask(`/acme/app/${service}`, token)).toMatch(/ 200 /);
    expect(paths).toEqual([`/git/acme/app.git/${service}`]);
    expect(await ask(`/acme/app/../../acme/other/${service}`, token)).toMatch(/ 403 /);
    expect(await ask(`/acme/%2e%2e/${service}`, token)).toMatch(/ 40[034] /);
    expect(await ask(`http://elsewhere/acme/other/${service}`, token)).toMatch(/ 403 /);
    expect(await ask(`/acme/app/${service}`, "Authorization: Bearer wrt_other\r\n")).toMatch(/ 401 /);
    close();
    expect(await ask(`/acme/app/${service}`, token)).toMatch(/ 401 /);
    expect(paths).toHaveLength(1);
  });
});
