import { describe, expect, it } from "vitest";
import { readPartSettings } from "./part-settings.ts";

describe("the settings of a farm's parts", () => {
  it("give agents the labels they are told, and none by themselves", () => {
    expect(readPartSettings({}, {}, "/").agent).toEqual({});
    expect(readPartSettings({ labels: "gpu,big" }, { WINDROW_AGENT_LABELS: "x" }, "/").agent).toEqual({
      WINDROW_AGENT_LABELS: "gpu,big",
    });
    expect(readPartSettings({}, { WINDROW_AGENT_LABELS: "x" }, "/").agent).toEqual({ WINDROW_AGENT_LABELS: "x" });
    expect(readPartSettings({ labels: "" }, {}, "/").agent).toEqual({});
  });

  it("tell agents of the engine, the backend and the disk that the environment names", () => {
    const environment = {
      WINDROW_AGENT_DOCKER: "/run/engine.sock",
      WINDROW_AGENT_BACKEND: "sandbox",
      WINDROW_AGENT_CACHE_DISK: "10%",
    };
    expect(readPartSettings({}, { ...environment, WINDROW_TOKEN: "wru_x" }, "/").agent).toEqual(environment);
  });

  it("tells the controller where actions are, from flags or from the environment", () => {
    const environment = { WINDROW_ACTIONS_DIR: "mirrors", WINDROW_ACTIONS_ALLOWED: "acme/*", WINDROW_TOKEN: "wru_x" };
    expect(readPartSettings({}, environment, "/srv").controller).toEqual({
      WINDROW_ACTIONS_DIR: "/srv/mirrors",
      WINDROW_ACTIONS_ALLOWED: "acme/*",
    });
    const flags = { actionsDir: "/m", actionsUrl: "https://git.example.org", actionsShared: "me/*" };
    expect(readPartSettings(flags, environment, "/srv").controller).toEqual({
      WINDROW_ACTIONS_DIR: "/m",
      WINDROW_ACTIONS_URL: "https://git.example.org",
      WINDROW_ACTIONS_ALLOWED: "acme/*",
      WINDROW_ACTIONS_SHARED: "me/*",
    });
  });
});
