import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { createTemporaryFolder } from "../kit/temporary-folder.ts";

const run = promisify(execFile);

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ agents: 2 });
});
afterAll(() => farm?.stop());

/** The certificate settings of the machine that runs the tests, which its jobs need too to reach the registry. */
const TLS_VARIABLES = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];

async function fetchPackage(spec: string): Promise<Record<string, string>> {
  const dir = createTemporaryFolder("windrow-package-");
  await run("npm", ["pack", "--silent", spec], { cwd: dir });
  const archive = readdirSync(dir).find((name) => name.endsWith(".tgz"));
  if (archive === undefined) throw new Error(`npm pack ${spec} left no archive`);
  await run("tar", ["-xzf", archive], { cwd: dir });
  const root = join(dir, "package");
  const files: Record<string, string> = {};
  for (const name of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    const file = join(root, name);
    if (statSync(file).isFile()) files[relative(root, file)] = readFileSync(file, "utf8");
  }
  return files;
}

const env = TLS_VARIABLES.filter((name) => process.env[name] !== undefined)
  .map((name) => `  ${name}: ${process.env[name]}\n`)
  .join("");

test.each([
  { spec: "inherits@2.0.1", shows: "node test" },
  { spec: "deep-equal@1.0.1", shows: "# pass" },
])(
  "the source of $spec is built: its own npm test runs in a job",
  async ({ spec, shows }) => {
    const files = await fetchPackage(spec);
    const workflow = `name: CI
on: [push]
${env === "" ? "" : `env:\n${env}`}jobs:
  test:
    runs-on: [linux, node]
    steps:
      - uses: actions/checkout@v4
      - run: npm install --no-audit --no-fund --no-package-lock
      - run: npm test
`;
    const { runId } = await pushWorkflow(farm, workflow, { files, name: `me/${spec.split("@")[0]}` });
    const ended = await farm.waitRunFinished(runId, 120_000);
    const [job] = await farm.jobs(runId);
    const logs = await Promise.all(["1", "2"].map((stream) => readLog(farm, { jobId: job?.id ?? 0, stream })));
    expect(ended.conclusion, logs.join("\n")).toBe("success");
    expect(logs.join("\n")).toContain(shows);
    expect(await checkHistory(farm)).toEqual([]);
  },
  180_000,
);
