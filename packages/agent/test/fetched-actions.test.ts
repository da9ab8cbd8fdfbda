// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stepsOf } from "./action-shelf.ts";
import { AgentBench } from "./agent-bench.ts";
import { planOf } from "./fake-controller.ts";

const isRoot = process.getuid?.() === 0;
let bench: AgentBench;
beforeEach(() => {
  bench = new AgentBench();
});
afterEach(() => bench.stop());

/** An action that the controller has. */
function addAction(name: string, digit: string, files: Readonly<Record<string, string>>): void {
  const source = mkdtempSync(join(tmpdir(), "windrow-action-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), text);
  }
  const tar = execFileSync("tar", ["-C", source, "-cf", "-", "."]);
  rmSync(source, { recursive: true });
  bench.controller.actions.set(name, { sha: digit.repeat(40), tar });
}

async function run(text: string) {
  const attempt = bench.controller.offer(planOf(stepsOf(text)));
  const finish = await bench.finished(attempt, 30_000);
  return { attempt, finish, log: (stepNo: number) => bench.controller.log(attempt, String(stepNo)).toString() };
}

describe("an action of a repository", () => {
  it("is fetched once, runs as the job's user, and cannot be changed by it", async () => {
    await bench.start({ withSlotUsers: isRoot });
    addAction("acme/greet@v1", "a", {
      "action.yml": [
        "name: greet",
        "inputs: {who: {default: world}}",
        "outputs: {said: {}}",
        "runs: {using: node20, main: dist/main.js, post: dist/post.js}",
      ].join("\n"),
      "dist/main.js": [
        "const fs = require('node:fs');",
        "console.log(`hello ${process.env.INPUT_WHO} from ${require('./lib.js')}`);",
        "fs.appendFileSync(process.env.GITHUB_OUTPUT, `said=hello ${process.env.INPUT_WHO}\\n`);",
        "let changed = true;",
        "try { fs.writeFileSync(__filename, ''); } catch { changed = false; }",
        "console.log(`changed: ${changed}`);",
      ].join("\n"),
      "dist/lib.js": "module.exports = 'the library';",
      "dist/post.js": "console.log('after all');",
    });
    const text = `
      - id: first
        uses: acme/greet@v1
      - uses: acme/greet@v1
        with: {who: "\${{ steps.first.outputs.said }}"}`;
    const { finish, log, attempt } = await run(text);
    expect(finish).toMatchObject({ outcome: "succeeded" });
    expect(log(0)).toContain("hello world from the library\n");
    if (isRoot) expect(log(0)).toContain("changed: false\n");
    expect(log(1)).toContain("hello hello world from the library\n");
    expect([...attempt.streams.keys()].map((stream) => bench.controller.log(attempt, stream)).join("")).toContain(
      "after all",
    );
    const fetched = bench.controller.actionFetchesCount;
    await run("- uses: acme/greet@v1");
    expect(bench.controller.actionFetchesCount).toBe(fetched);
    expect(readdirSync(join(bench.agentDir, "actions"))).toEqual(["a".repeat(40)]);
  });

  it("that uses others below a path finds them at their own commits", async () => {
    await bench.start();
    addAction("acme/all@main", "b", {
      "outer/action.yml":
        "name: outer\nruns:\n  using: composite\n  steps:\n    - uses: acme/all/inner@main\n    - {run: 'cat $GITHUB_ACTION_PATH/note', shell: sh}\n",
      "outer/note": "the outer note\n",
      "inner/action.yml": "name: inner\nruns:\n  using: composite\n  steps:\n    - {run: echo inner, shell: sh}\n",
    });
    const { finish, log } = await run("- uses: acme/all/outer@main");
    expect(finish).toMatchObject({ outcome: "succeeded" });
    expect(log(0)).toMatch(/inner\n[\s\S]*the outer note\n/);
  });

  it("that is not there fails the step with the controller's sentence", async () => {
    await bench.start();
    const { finish, attempt } = await run("- uses: acme/none@v1");
    expect(finish).toMatchObject({ outcome: "failed" });
    expect(attempt.reports.at(-1)?.fault).toBe("there is no acme/none@v1");
  });
});

describe("a built-in setup action", () => {
  it("puts what it found on the PATH of the steps after it", async () => {
    await bench.start();
    const tools = join(bench.agentDir, "tools/go/1.99.1");
    const bin = join(tools, process.arch, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(tools, `${process.arch}.complete`), "");
    writeFileSync(join(bin, "go"), "#!/bin/sh\necho my go\n", { mode: 0o755 });
    const text = `
      - id: go
        uses: actions/setup-go@v5
        with: {go-version: 1.99.x}
      - run: go version; echo "\${{ steps.go.outputs.go-version }}"
      - uses: actions/setup-go@v5
        with: {go-version: "1.98"}`;
    const { finish, log, attempt } = await run(text);
    expect(finish).toMatchObject({ outcome: "failed" });
    expect(log(0)).toContain("Go 1.99.1 at");
    expect(log(1)).toBe("my go\n1.99.1\n");
    expect(attempt.reports.at(-1)?.fault).toMatch(/Go 1\.98 cannot be had: this agent has .*1\.99\.1/);
  });

  it("lets the job write its own .npmrc", async () => {
    await bench.start({ withSlotUsers: isRoot });
    const bin = join(bench.agentDir, "tools/node/99.1.0", process.arch, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bench.agentDir, "tools/node/99.1.0", `${process.arch}.complete`), "");
    const text = `
      - id: node
        uses: actions/setup-node@v4
        with: {node-version: "99", registry-url: "https://npm.example.org", scope: "@team"}
      - run: cat "$NPM_CONFIG_USERCONFIG"; echo "\${{ steps.node.outputs.node-version }}"; echo "$PATH" | grep -c 99.1.0
        env: {NODE_AUTH_TOKEN: abc}`;
    const { finish, log } = await run(text);
    expect(finish).toMatchObject({ outcome: "succeeded" });
    expect(log(1)).toBe(
      "//npm.example.org/:_authToken=${NODE_AUTH_TOKEN}\n@team:registry=https://npm.example.org/\nv99.1.0\n1\n",
    );
  });

  it("gives the job a Python environment that it may change", async () => {
    await bench.start({ withSlotUsers: isRoot });
    const text = `
      - id: python
        uses: actions/setup-python@v5
        with: {python-version: 3.x}
      - run: |
          python -c 'import sys; print(sys.prefix != sys.base_prefix)'
          test "$(command -v python)" = "\${{ steps.python.outputs.python-path }}" && echo same
          touch "$pythonLocation/mine" && echo mine`;
    const { finish, log } = await run(text);
    expect(finish).toMatchObject({ outcome: "succeeded" });
    expect(log(1)).toBe("True\nsame\nmine\n");
  });
});
