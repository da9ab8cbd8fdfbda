import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CliError } from "../cli-error.ts";
import { parseConfig } from "./parse-config.ts";
import { configFilePath } from "./read-config-file.ts";
import { resolveConnection } from "./resolve-connection.ts";
import { resolveSettings, type SettingValues } from "./settings.ts";

describe("precedence", () => {
  const cases: [
    name: string,
    flags: SettingValues,
    environment: Record<string, string>,
    file: SettingValues,
    url: unknown,
  ][] = [
    ["the flag wins", { url: "f" }, { WINDROW_URL: "e" }, { url: "c" }, { value: "f", origin: "flag" }],
    ["then the environment", {}, { WINDROW_URL: "e" }, { url: "c" }, { value: "e", origin: "environment" }],
    ["then the file", {}, {}, { url: "c" }, { value: "c", origin: "file" }],
    ["an empty variable is none", {}, { WINDROW_URL: "" }, { url: "c" }, { value: "c", origin: "file" }],
    ["else nothing", {}, {}, {}, undefined],
  ];
  test.each(cases)("%s", (_name, flags, environment, file, url) => {
    expect(resolveSettings({ flags, environment, file }).url).toEqual(url);
  });
  test("a token of the file goes to the file's farm alone", () => {
    const file = { url: "https://a", token: "wru_a" };
    expect(resolveSettings({ flags: {}, environment: {}, file }).token?.value).toBe("wru_a");
    expect(resolveSettings({ flags: { url: "https://b" }, environment: {}, file }).token).toBeUndefined();
    expect(
      resolveSettings({ flags: { url: "https://b" }, environment: { WINDROW_TOKEN: "wru_b" }, file }).token?.value,
    ).toBe("wru_b");
  });
});

describe("config.yaml", () => {
  test("is keys and texts", () =>
    expect(parseConfig("url: https://a\ntoken: wru_x # mine\n", "c.yaml")).toEqual({
      url: "https://a",
      token: "wru_x",
    }));
  test("may be empty", () => expect(parseConfig("# nothing yet\n", "c.yaml")).toEqual({}));
  const wrong: [text: string, message: string, hint?: string][] = [
    ["url: a\ntokn: x\n", 'c.yaml:2:1: unknown key "tokn"', "Did you mean token?"],
    ["weather: sun\n", 'c.yaml:1:1: unknown key "weather"', "Known keys: url, token, token_file, ca, repo, data"],
    ["url: [a]\n", "c.yaml:1:1: url must be a text"],
    ["url: 'a\n", "c.yaml:2:1: Missing closing 'quote"],
    ["- url\n", "c.yaml: expected keys and values"],
    ["url: a\nurl: b\n", "c.yaml:2:1: Map keys must be unique"],
  ];
  test.each(wrong)("%j is refused with its place", (text, message, hint) => {
    const error = (() => {
      try {
        parseConfig(text, "c.yaml");
      } catch (thrown) {
        return thrown;
      }
    })();
    if (!(error instanceof CliError)) throw new Error("a CliError was expected");
    expect(error.message).toBe(message);
    expect(error.exitCode).toBe(3);
    if (hint !== undefined) expect(error.hint).toBe(hint);
  });
  test.each([
    [{ WINDROW_CONFIG: "/x/y.yaml", HOME: "/h" }, "/x/y.yaml"],
    [{ XDG_CONFIG_HOME: "/xdg", HOME: "/h" }, "/xdg/windrow/config.yaml"],
    [{ HOME: "/h" }, "/h/.config/windrow/config.yaml"],
  ])("with %j it stands at %s", (environment, file) => expect(configFilePath(environment)).toBe(file));
});

describe("the connection", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "windrow-cli-config-"));
  });
  afterEach(() => rm(home, { recursive: true }));

  const startLocalFarm = async (folder: string, farm?: object) => {
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "admin-token"), "wru_admin\n");
    if (farm !== undefined) await writeFile(path.join(folder, "farm.json"), JSON.stringify(farm));
  };
  const localFolder = () => path.join(home, ".local", "share", "windrow");

  test("without anything says how to get a farm", async () => {
    await expect(resolveConnection({}, { HOME: home })).rejects.toMatchObject({
      exitCode: 3,
      message: "no farm is configured",
      hint: expect.stringContaining("windrow up"),
    });
  });
  test("falls back to the farm on this machine and its admin token", async () => {
    await startLocalFarm(localFolder());
    expect(await resolveConnection({}, { HOME: home })).toMatchObject({
      urls: ["http://127.0.0.1:7070"],
      urlOrigin: "local",
      token: "wru_admin",
      tokenOrigin: "local",
    });
  });
  test("knows the address at which the farm on this machine was started", async () => {
    await startLocalFarm(localFolder(), { local_url: "http://127.0.0.1:8070" });
    expect((await resolveConnection({}, { HOME: home })).urls).toEqual(["http://127.0.0.1:8070"]);
  });
  test("finds the farm in another data folder", async () => {
    await startLocalFarm(path.join(home, "elsewhere"), { local_url: "http://127.0.0.1:9070" });
    expect((await resolveConnection({ data: path.join(home, "elsewhere") }, { HOME: home })).token).toBe("wru_admin");
  });
  test("gives the admin token of this machine's farm to no other farm", async () => {
    await startLocalFarm(localFolder());
    expect((await resolveConnection({ url: "https://other:7443" }, { HOME: home })).token).toBeUndefined();
    expect((await resolveConnection({ url: "http://127.0.0.1:7070/" }, { HOME: home })).token).toBe("wru_admin");
  });
  test("reads a token from a file", async () => {
    const file = path.join(home, "token");
    await writeFile(file, "wru_file\n");
    const connection = await resolveConnection({ url: "https://a", token_file: file }, { HOME: home });
    expect(connection.token).toBe("wru_file");
    await expect(resolveConnection({ url: "https://a", token_file: `${file}x` }, { HOME: home })).rejects.toMatchObject(
      { exitCode: 3 },
    );
  });
  test("may name several controllers", async () => {
    const connection = await resolveConnection({ url: "http://a:1/, http://b:2" }, { HOME: home });
    expect(connection.urls).toEqual(["http://a:1", "http://b:2"]);
  });
  test.each(["farm:7070", "ftp://farm", "x y"])("refuses the address %j", async (url) => {
    await expect(resolveConnection({ url }, { HOME: home })).rejects.toMatchObject({ exitCode: 3 });
  });
});
