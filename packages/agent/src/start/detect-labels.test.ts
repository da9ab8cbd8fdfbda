import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, systemClock } from "@windrow/service";
import { LABELS_MAX } from "@windrow/wire";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { detectLabels } from "./detect-labels.ts";
import { labelsOfTool } from "./detect-toolchains.ts";
import { type MachineFacts, watchMachine } from "./watch-machine.ts";

let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "windrow-tools-"));
});
afterEach(() => rmSync(bin, { recursive: true }));

/** A program that says this; `sh` itself is named by its path, as nothing else is on the PATH. */
function install(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

const look = (configured: readonly string[] = []) => detectLabels({ configured, env: { PATH: bin } });

test("an agent says what its machine is and has, each tool with its major and minor version", async () => {
  install("python3", "echo Python 3.11.2");
  install("go", "echo go version go1.22.1 linux/amd64");
  install("cargo", "echo 'cargo 1.63.0 (fd9c4297c 2022-07-01)'");
  install("javac", "echo javac 17.0.9 >&2");
  install("node", "echo v24.21.0");
  install("mix", "printf 'Erlang/OTP 25 [erts-13.1.5]\\n\\nMix 1.14.0 (compiled with Erlang/OTP 25)\\n'");
  install("c++", "printf 'c++ (Debian 12.2.0-14) 12.2.0\\nCopyright (C) 2022\\n'");
  install("ruby", "echo 'ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux-gnu]'");
  const { labels, toolchains, cut } = await look(["gpu"]);
  expect(labels.slice(0, 5)).toEqual(["self-hosted", "linux", arch(), hostname(), "gpu"]);
  expect(labels.slice(5)).toEqual([
    ...["node", "python", "go", "rust", "java", "ruby", "elixir", "cpp"],
    ...["node-24", "node-24.21", "python-3", "python-3.11", "go-1", "go-1.22", "rust-1", "rust-1.63"],
    ...["java-17", "java-17.0", "ruby-3", "ruby-3.1", "elixir-1", "elixir-1.14", "cpp-12", "cpp-12.2"],
  ]);
  expect(toolchains.map(({ name, version }) => `${name} ${version}`)).toEqual([
    ...["node 24.21.0", "python 3.11.2", "go 1.22.1", "rust 1.63.0", "java 17.0.9", "ruby 3.1.2p20"],
    ...["elixir 1.14.0", "cpp 12.2.0"],
  ]);
  expect(cut).toEqual([]);
});

test("Java of before 9 is of the version it is called by", async () => {
  install("java", `echo 'openjdk version "1.8.0_392"' >&2`);
  const { labels, toolchains } = await look();
  expect(toolchains).toEqual([{ name: "java", version: "8.0.392" }]);
  expect(labels).toEqual(expect.arrayContaining(["java", "java-8", "java-8.0"]));
});

test("a tool that is there but does not run is no label", async () => {
  install("go", "echo go version go1.22.1 linux/amd64; exit 1");
  install("node", "kill -9 $$");
  writeFileSync(join(bin, "cargo"), "not executable");
  mkdirSync(join(bin, "javac"));
  install("python3", "exit 127");
  install("python", "echo Python 2.7.18");
  const { labels, toolchains } = await look();
  expect(labels.slice(4)).toEqual(["python", "python-2", "python-2.7"]);
  expect(toolchains).toEqual([{ name: "python", version: "2.7.18" }]);
});

test("a tool that does not answer does not keep an agent from starting", async () => {
  install("go", "trap '' TERM; while :; do :; done");
  install("node", "echo v24.21.0");
  const { toolchains } = await look();
  expect(toolchains).toEqual([{ name: "node", version: "24.21.0" }]);
}, 15_000);

test("a tool that runs and says no version is a label without one", async () => {
  install("swift", "echo hello");
  const { labels, toolchains } = await look();
  expect([labels.slice(4), toolchains]).toEqual([["swift"], []]);
});

test("what the farm does not take is left out and named, versions first", async () => {
  install("node", "echo v24.21.0");
  const many = Array.from({ length: LABELS_MAX - 6 }, (_, no) => `l${no}`);
  const { labels, cut } = await look(["not a label", ...many]);
  expect(labels).toHaveLength(LABELS_MAX);
  expect(labels.slice(-2)).toEqual(["node", "node-24"]);
  expect(cut).toEqual(["not a label", "node-24.21"]);
});

test("a version of one number makes two labels", () => {
  expect(labelsOfTool({ name: "java", version: "21" })).toEqual(["java", "java-21"]);
});

test("a tool that is upgraded shows without a restart", async () => {
  install("node", "echo v22.1.0");
  const { labels, toolchains } = await look();
  const onChange = vi.fn<(facts: MachineFacts) => void>();
  const logger = createLogger({ component: "test", level: "fatal" });
  const loop = watchMachine({ first: { labels, toolchains }, look, onChange, everyMs: 20, clock: systemClock, logger });
  install("node", "echo v24.21.0");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), { timeout: 5_000 });
  await loop.stop();
  expect(onChange).toHaveBeenCalledOnce();
  expect(onChange.mock.calls[0]?.[0].toolchains).toEqual([{ name: "node", version: "24.21.0" }]);
});
