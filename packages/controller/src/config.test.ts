import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "./config.ts";

const enough = { WINDROW_DATABASE_URL: "postgres://localhost/windrow", WINDROW_DATA_DIR: "/var/lib/windrow" };

describe("readConfig", () => {
  it("needs a database and a data folder, and says so about both at once", () => {
    expect(() => readConfig({})).toThrow(ConfigError);
    expect(() => readConfig({})).toThrow(/WINDROW_DATA_DIR is not set[\s\S]*WINDROW_DATABASE_URL is not set/);
  });

  it("listens on this machine only unless told otherwise", () => {
    expect(readConfig(enough)).toMatchObject({ listen: "127.0.0.1", port: 7070, grpcPort: 7071, logLevel: "info" });
  });

  it.each([
    ["WINDROW_PORT", "7070x", /WINDROW_PORT must be a whole number up to 65535, not "7070x"/],
    ["WINDROW_GRPC_PORT", "70000", /WINDROW_GRPC_PORT must be a whole number/],
    ["WINDROW_LOG_LEVEL", "loud", /WINDROW_LOG_LEVEL must be one of fatal/],
    ["WINDROW_PUBLIC_URL", "farm", /WINDROW_PUBLIC_URL is not a URL/],
    ["WINDROW_ACTIONS_URL", "file:///srv", /WINDROW_ACTIONS_URL is not an http or https URL/],
    ["WINDROW_ACTIONS_ALLOWED", "actions/*, ../x", /WINDROW_ACTIONS_ALLOWED must list owner\/name.*"\.\.\/x"/],
    ["WINDROW_TLS_PORT", "https", /WINDROW_TLS_PORT must be a whole number/],
    ["WINDROW_TLS_OPTIONAL", "perhaps", /WINDROW_TLS_OPTIONAL must be yes or no, not "perhaps"/],
    ["WINDROW_TLS_CERT_FILE", "farm.crt", /WINDROW_TLS_CERT_FILE and WINDROW_TLS_KEY_FILE belong together/],
    ["WINDROW_NATS_URL", "nats://localhost", /WINDROW_NATS_KEYS_FILE is not set/],
  ])("names %s when it is %j", (name, value, message) => {
    expect(() => readConfig({ ...enough, [name]: value })).toThrow(message);
  });

  it("takes actions from hosted repositories only unless told of other places", () => {
    expect(readConfig(enough).actions).toEqual({ allowed: ["*"], shared: [] });
    const more = { ...enough, WINDROW_ACTIONS_DIR: "/srv/mirrors", WINDROW_ACTIONS_URL: "https://git.example.org/" };
    expect(
      readConfig({ ...more, WINDROW_ACTIONS_ALLOWED: "actions/*", WINDROW_ACTIONS_SHARED: "me/tool" }).actions,
    ).toEqual({
      mirrorDir: "/srv/mirrors",
      baseUrl: "https://git.example.org",
      allowed: ["actions/*"],
      shared: ["me/tool"],
    });
  });

  it("speaks TLS only when it is given a port for it, with the farm's authority in the data folder", () => {
    expect(readConfig(enough).tls).toBeUndefined();
    const own = { WINDROW_TLS_CERT_FILE: "/farm.crt", WINDROW_TLS_KEY_FILE: "/farm.key" };
    expect(() => readConfig({ ...enough, ...own })).toThrow("WINDROW_TLS_PORT is not set");
    expect(readConfig({ ...enough, ...own, WINDROW_TLS_PORT: "7443" })).toMatchObject({
      tlsDir: "/var/lib/windrow/tls",
      tls: { port: 7443, own: { certFile: "/farm.crt", keyFile: "/farm.key" }, isOptional: false },
    });
  });

  it("tells agents the controllers' own NATS addresses unless there are public ones", () => {
    const nats = { ...enough, WINDROW_NATS_URL: "nats://a, nats://b", WINDROW_NATS_KEYS_FILE: "/keys" };
    expect(readConfig(nats).nats).toEqual({
      urls: ["nats://a", "nats://b"],
      publicUrls: ["nats://a", "nats://b"],
      keysFile: "/keys",
    });
    expect(readConfig({ ...nats, WINDROW_NATS_PUBLIC_URL: "nats://c" }).nats?.publicUrls).toEqual(["nats://c"]);
  });
});
