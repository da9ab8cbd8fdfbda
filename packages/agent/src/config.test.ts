import { describe, expect, it } from "vitest";
import { readConfig, SLOTS_MAX } from "./config.ts";

const base = { WINDROW_AGENT_DIR: "/var/lib/agent" };

describe("agent configuration", () => {
  it("has defaults for all but its folder", () => {
    expect(readConfig(base)).toMatchObject({
      agentDir: "/var/lib/agent",
      slotsCount: undefined,
      labels: [],
      stopAtOnce: false,
    });
    expect(() => readConfig({})).toThrow("WINDROW_AGENT_DIR is not set");
  });

  it("takes lists apart and leaves slashes at the end of the address out", () => {
    const config = readConfig({ ...base, WINDROW_AGENT_LABELS: " gpu, ,big ", WINDROW_URL: "https://farm:7443//" });
    expect(config.labels).toEqual(["gpu", "big"]);
    expect(config.controllerUrl).toBe("https://farm:7443");
  });

  it("refuses numbers and addresses that make no sense, by name", () => {
    for (const slots of ["0", "-1", "1.5", "many", String(SLOTS_MAX + 1)]) {
      expect(() => readConfig({ ...base, WINDROW_AGENT_SLOTS: slots }), slots).toThrow("WINDROW_AGENT_SLOTS");
    }
    expect(() => readConfig({ ...base, WINDROW_URL: "farm:7070" })).toThrow("WINDROW_URL");
  });

  it("reads shares of the disk", () => {
    expect(readConfig(base).disk).toEqual({ cache: { percent: 20 }, reserve: undefined });
    const env = { ...base, WINDROW_AGENT_CACHE_DISK: "50G", WINDROW_AGENT_DISK_RESERVE: "2.5%" };
    expect(readConfig(env).disk).toEqual({ cache: { bytes: 50 * 2 ** 30 }, reserve: { percent: 2.5 } });
    expect(() => readConfig({ ...base, WINDROW_AGENT_CACHE_DISK: "lots" })).toThrow(
      "WINDROW_AGENT_CACHE_DISK is 'lots'",
    );
  });

  it("gives jobs the machine's PATH without the programs of the farm's own packages, and nothing else of its environment", () => {
    const env = {
      ...base,
      PATH: "/farm/node_modules/.bin:/usr/bin:/x/node-gyp-bin:/bin",
      SECRET: "x",
      WINDROW_JOIN_TOKEN: "wrj_x",
    };
    expect(readConfig(env).machineEnv).toEqual({ PATH: "/usr/bin:/bin", LANG: "C.UTF-8" });
  });
});
