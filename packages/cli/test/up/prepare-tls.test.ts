import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureServerCertificate, openAuthority, SERVER_LIFE_MS } from "@windrow/certificates";
import { findFreePort } from "@windrow/embedded/testing";
import { systemClock } from "@windrow/service";
import { afterAll, describe, expect, it } from "vitest";
import { prepareDataFolder } from "../../src/up/data-folder.ts";
import { prepareTls } from "../../src/up/prepare-tls.ts";
import { compileUpOptions, type UpFlags } from "../../src/up/up-options.ts";
import type { UpEvent } from "../../src/up/up-reporter.ts";

const root = mkdtempSync(join(tmpdir(), "windrow-prepare-tls-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("the addresses of windrow up", () => {
  const compile = (flags: UpFlags) => compileUpOptions(flags, root);

  it("are plain and local unless told otherwise", () => {
    expect(compile({})).toMatchObject({ url: "http://127.0.0.1:7070", publicUrl: "http://127.0.0.1:7070" });
    expect(compile({})).toMatchObject({ needsTls: false, isLoopback: true, publicHost: "127.0.0.1" });
  });

  it("lead by https to the address that is listened on, while the farm itself stays on 127.0.0.1", () => {
    const options = compile({ listen: "10.0.0.5", tlsPort: "8443" });
    expect(options).toMatchObject({ publicUrl: "https://10.0.0.5:8443", url: "http://127.0.0.1:7070", needsTls: true });
    expect(compile({ listen: "2001:db8::5" }).publicUrl).toBe("https://[2001:db8::5]:7443");
  });

  it("of every address are those of the public one, else of the machine's first", () => {
    const named = compile({ listen: "0.0.0.0", publicUrl: "https://farm.example.org:7443/" });
    expect(named).toMatchObject({ publicUrl: "https://farm.example.org:7443", publicHost: "farm.example.org" });
    expect(compile({ listen: "0.0.0.0" }).publicHost).not.toBe("0.0.0.0");
  });

  it("are refused when they are no addresses, and half a certificate is, too", () => {
    expect(() => compile({ listen: "farm" })).toThrow("--listen farm: an IP address is wanted");
    expect(() => compile({ tlsCert: "a.crt" })).toThrow("--tls-cert and --tls-key belong together");
  });
});

describe("TLS of windrow up", () => {
  async function prepare(flags: UpFlags, tlsPort: number, name: string) {
    const reported: UpEvent[] = [];
    const options = compileUpOptions({ ...flags, tlsPort: `${tlsPort}` }, join(root, name));
    const given = { options, folder: prepareDataFolder(options.dataDir), clock: systemClock };
    const tls = await prepareTls({ ...given, report: (event) => reported.push(event) });
    return { tls, reported, folder: given.folder, options };
  }

  it("makes the farm's authority for other addresses, and leaves that to the controller on loopback", async () => {
    const port = await findFreePort();
    const { tls, folder } = await prepare({ listen: "0.0.0.0" }, port, "all");
    expect(tls?.agents?.authority.certFile).toBe(join(folder.tls, "ca.pem"));
    expect(statSync(tls?.agents?.serverFile ?? "").mode & 0o777).toBe(0o600);
    expect((await prepare({}, port, "loopback")).tls).toEqual({ port });
  });

  it("does without when its port is taken and nobody asked for it, and says so in one line", async () => {
    const squatter = createServer().listen(0, "127.0.0.1");
    await once(squatter, "listening");
    const address = squatter.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    try {
      await expect(prepare({}, port, "wanted")).rejects.toThrow(`Port ${port} for HTTPS (--tls-port) is taken by`);
      const options = { ...compileUpOptions({}, join(root, "unwanted")), tlsPort: port };
      const reported: UpEvent[] = [];
      const folder = prepareDataFolder(options.dataDir);
      const report = (event: UpEvent) => void reported.push(event);
      expect(await prepareTls({ options, folder, clock: systemClock, report })).toBeUndefined();
      const said = expect.stringMatching(/^there is no HTTPS this time\. Port [0-9]+ .*\.$/);
      expect(reported).toEqual([{ event: "notice", message: said }]);
    } finally {
      squatter.close();
    }
  });

  it("refuses an own certificate that has expired, before anything starts", async () => {
    const authority = await openAuthority(join(root, "company"), 0);
    const { cert, key } = await ensureServerCertificate({
      authority,
      names: ["farm"],
      nowMs: Date.now() - 2 * SERVER_LIFE_MS,
    });
    writeFileSync(join(root, "old.crt"), cert);
    writeFileSync(join(root, "old.key"), key);
    const own = { tlsCert: join(root, "old.crt"), tlsKey: join(root, "old.key") };
    await expect(prepare(own, await findFreePort(), "old")).rejects.toMatchObject({
      code: "usage",
      exitCode: 3,
      message: expect.stringContaining("old.crt expired on"),
    });
  });
});
