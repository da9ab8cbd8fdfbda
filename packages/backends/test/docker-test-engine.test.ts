import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  startTestEngine,
  TEST_IMAGES,
  type TestEngine,
  type TestImage,
  whyNoTestEngine,
  whyNoTestImage,
} from "../src/testing.ts";

const missing = await whyNoTestEngine();
const images: readonly TestImage[] = ["shell", "busybox", "tools", "postgres"];

describe.skipIf(missing !== undefined)(
  `the engine for tests${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let engine: TestEngine;
    beforeAll(async () => {
      engine = await startTestEngine({
        networks: true,
        images: images.filter((one) => whyNoTestImage(one) === undefined),
      });
    }, 180_000);
    afterAll(() => engine?.stop());

    async function run(image: TestImage, command: readonly string[]): Promise<{ code: number; output: string }> {
      const container = await engine.docker.createContainer({
        Image: TEST_IMAGES[image],
        Cmd: [...command],
        Tty: true,
      });
      await container.start();
      const { StatusCode } = await container.wait();
      const output = (await container.logs({ stdout: true, stderr: true, follow: false })).toString("utf8");
      await container.remove();
      return { code: StatusCode, output };
    }

    it("runs programs of this machine", async () => {
      expect(
        await run("shell", ["sh", "-c", "id -u; stat -c %a /tmp; setsid true; env | grep -c PATH; kill -l 9"]),
      ).toEqual({
        code: 0,
        output: "0\r\n1777\r\n1\r\nKILL\r\n",
      });
    });

    it.skipIf(whyNoTestImage("busybox"))("runs a shell that is no other program's", async () => {
      expect((await run("busybox", ["sh", "-c", "busybox | head -1"])).output).toContain("BusyBox");
    });

    it.skipIf(whyNoTestImage("tools"))("has what builds need", async () => {
      const script = "git init -q /tmp/x && git --version && curl --version && node -p 1+1 && bash --version && ps";
      expect(await run("tools", ["bash", "-c", script])).toMatchObject({ code: 0 });
    });

    it.skipIf(whyNoTestImage("postgres"))("starts a Postgres that is healthy when it lets people in", async () => {
      const container = await engine.docker.createContainer({
        Image: TEST_IMAGES.postgres,
        Env: ["POSTGRES_PASSWORD=secret", "POSTGRES_DB=app"],
      });
      await container.start();
      let state = "";
      for (let look = 0; look < 100 && state !== "healthy"; look++) {
        state = (await container.inspect()).State.Health?.Status ?? "";
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const words = (await container.logs({ stdout: true, stderr: true, follow: false })).toString("utf8");
      expect(state, words).toBe("healthy");
      expect(words).toContain("ready to accept connections");
      await container.remove({ force: true });
    });

    it("leaves the machine's own network alone", () => {
      expect(execFileSync("ip", ["link"], { encoding: "utf8" })).not.toContain("docker0");
      expect(execFileSync("ip", ["-n", engine.network?.name ?? "", "link"], { encoding: "utf8" })).toContain("docker0");
    });
  },
);
