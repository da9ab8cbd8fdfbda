/** How a key of one place is tried: an example of its value, and the smallest workflow that it can stand in. */
export interface PlaceExample {
  readonly place: string;
  /** The whole file around one entry. */
  readonly wrap: (entry: string) => string;
  /** Value by key, on one line. */
  readonly values: Readonly<Record<string, string>>;
}

const STEPS = "steps: [{run: make}]";
const JOBS = `jobs: {a: {runs-on: x, ${STEPS}}}`;
const job = (entry: string) => `on: push\njobs:\n  z: {runs-on: x, ${STEPS}}\n  a:\n${jobBase(entry)}    ${entry}\n`;
const inJob = (path: string) => (entry: string) => job(`${path}: {${entry}}`);
const jobBase = (entry: string) =>
  ["runs-on: x", STEPS].map((line) => (entry.startsWith(line.split(":", 1)[0] ?? "") ? "" : `    ${line}\n`)).join("");
const event = (path: string) => (entry: string) => `on:\n  ${path}: {${entry}}\n${JOBS}\n`;
const step = (base: Readonly<Record<string, string>>) => (entry: string) => {
  const own = Object.entries(base).filter(([key]) => !entry.startsWith(`${key}:`));
  const lines = [entry, ...own.map(([key, value]) => `${key}: ${value}`)];
  return `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - {id: before, run: make, background: true}\n      - ${lines.join("\n        ")}\n`;
};
const stepKeys = {
  id: "one",
  name: "A step",
  if: "always()",
  env: "{A: b}",
  "continue-on-error": "true",
  "timeout-minutes": "5",
  background: "true",
};
const container = {
  image: "debian",
  env: "{A: b}",
  ports: "[80]",
  volumes: "['/a:/b']",
  options: "--cpus 1",
  credentials: "{username: a, password: b}",
};
const withImage = (path: string) => (entry: string) =>
  job(`${path.replace("%", entry.startsWith("image:") ? entry : `image: debian, ${entry}`)}`);

/** An example of every key that the compatibility table names. */
export const EXAMPLES: readonly PlaceExample[] = [
  {
    place: "",
    wrap: (entry) =>
      [...(entry.startsWith("on:") ? [] : ["on: push"]), ...(entry.startsWith("jobs:") ? [] : [JOBS]), entry].join(
        "\n",
      ),
    values: {
      name: "CI",
      "run-name": "by ${{ github.actor }}",
      description: "What it does",
      on: "[push]",
      env: "{A: b}",
      defaults: "{run: {shell: bash}}",
      permissions: "read-all",
      concurrency: "one",
      jobs: "{a: {runs-on: x, steps: [{run: make}]}}",
    },
  },
  {
    place: "on.workflow_call",
    wrap: event("workflow_call"),
    values: { inputs: "{a: {type: string}}", secrets: "{a: {required: true}}", outputs: "{a: {value: b}}" },
  },
  {
    place: "on.workflow_call.inputs.<id>",
    wrap: (entry) =>
      event("workflow_call")(`inputs: {a: {${entry.startsWith("type") ? entry : `type: string, ${entry}`}}}`),
    values: { description: "text", type: "number", required: "true", default: "b" },
  },
  {
    place: "on.workflow_call.secrets.<id>",
    wrap: (entry) => event("workflow_call")(`secrets: {a: {${entry}}}`),
    values: { description: "text", required: "true" },
  },
  {
    place: "on.workflow_call.outputs.<id>",
    wrap: (entry) =>
      event("workflow_call")(`outputs: {a: {${entry.startsWith("value") ? entry : `value: b, ${entry}`}}}`),
    values: { description: "text", value: "b" },
  },
  { place: "on.workflow_dispatch", wrap: event("workflow_dispatch"), values: { inputs: "{a: {type: string}}" } },
  {
    place: "on.workflow_dispatch.inputs.<id>",
    wrap: (entry) =>
      event("workflow_dispatch")(`inputs: {a: {${entry.startsWith("options") ? `type: choice, ${entry}` : entry}}}`),
    values: { description: "text", type: "boolean", required: "true", default: "b", options: "[a, b]" },
  },
  {
    place: "on.schedule[]",
    wrap: (entry) =>
      `on: {schedule: [{${entry.startsWith("cron") ? entry : `cron: '0 5 * * *', ${entry}`}}]}\n${JOBS}\n`,
    values: { cron: "'0 5 * * 1-5'", timezone: "Europe/Paris" },
  },
  {
    place: "permissions",
    wrap: (entry) => `on: push\npermissions: {${entry}}\n${JOBS}\n`,
    values: {
      ...Object.fromEntries(
        `actions artifact-metadata attestations checks code-quality contents deployments discussions drives issues models packages
        pages pull-requests repository-projects security-events statuses vulnerability-alerts`
          .split(/\s+/)
          .map((name) => [name, "read"]),
      ),
      "copilot-requests": "write",
      "id-token": "write",
    },
  },
  { place: "defaults", wrap: (entry) => `on: push\ndefaults: {${entry}}\n${JOBS}\n`, values: { run: "{shell: bash}" } },
  {
    place: "defaults.run",
    wrap: (entry) => `on: push\ndefaults: {run: {${entry}}}\n${JOBS}\n`,
    values: { shell: "bash", "working-directory": "a" },
  },
  {
    place: "concurrency",
    wrap: (entry) => `on: push\nconcurrency: {${entry.startsWith("group") ? entry : `group: a, ${entry}`}}\n${JOBS}\n`,
    values: { group: "a", "cancel-in-progress": "true", queue: "max" },
  },
  {
    place: "jobs.<id>",
    wrap: job,
    values: {
      name: "A job",
      needs: "z",
      if: "always()",
      "runs-on": "[a, b]",
      permissions: "{contents: read}",
      strategy: "{matrix: {a: [1, 2]}}",
      concurrency: "one",
      env: "{A: b}",
      defaults: "{run: {shell: bash}}",
      outputs: "{a: b}",
      "timeout-minutes": "5",
      "continue-on-error": "true",
      steps: "[{run: make}]",
      environment: "production",
      container: "debian",
      services: "{db: {image: postgres}}",
      snapshot: "image",
      "cancel-timeout-minutes": "5",
    },
  },
  {
    place: "jobs.<id> (a call)",
    wrap: (entry) =>
      `on: push\njobs:\n  z: {runs-on: x, ${STEPS}}\n  a:\n${entry.startsWith("uses") ? "" : "    uses: ./.github/workflows/b.yml\n"}    ${entry}\n`,
    values: {
      uses: "owner/name/.github/workflows/b.yml@v1",
      with: "{a: b}",
      secrets: "inherit",
      name: "A call",
      needs: "z",
      if: "always()",
      permissions: "{contents: read}",
      concurrency: "one",
      strategy: "{matrix: {a: [1, 2]}}",
    },
  },
  {
    place: "jobs.<id>.strategy",
    wrap: (entry) => inJob("strategy")(entry.startsWith("matrix") ? entry : `matrix: {a: [1, 2]}, ${entry}`),
    values: { matrix: "{a: [1]}", "fail-fast": "false", "max-parallel": "1" },
  },
  {
    place: "jobs.<id>.strategy.matrix",
    wrap: (entry) => job(`strategy: {matrix: {a: [1, 2], ${entry}}}`),
    values: { include: "[{a: 1, b: 2}]", exclude: "[{a: 1}]" },
  },
  { place: "jobs.<id>.runs-on", wrap: inJob("runs-on"), values: { group: "default", labels: "[a]" } },
  {
    place: "jobs.<id>.environment",
    wrap: (entry) => inJob("environment")(entry.startsWith("name") ? entry : `name: a, ${entry}`),
    values: { name: "a", url: "https://a.example", deployment: "false" },
  },
  {
    place: "jobs.<id>.snapshot",
    wrap: (entry) => inJob("snapshot")(entry.startsWith("image-name") ? entry : `image-name: a, ${entry}`),
    values: { "image-name": "a", if: "always()", version: "1.*" },
  },
  { place: "jobs.<id>.defaults", wrap: inJob("defaults"), values: { run: "{shell: bash}" } },
  {
    place: "jobs.<id>.defaults.run",
    wrap: (entry) => job(`defaults: {run: {${entry}}}`),
    values: { shell: "bash", "working-directory": "a" },
  },
  { place: "jobs.<id>.container", wrap: withImage("container: {%}"), values: container },
  {
    place: "jobs.<id>.container.credentials",
    wrap: (entry) =>
      job(
        `container: {image: debian, credentials: {${entry}, ${entry.startsWith("username") ? "password: b" : "username: a"}}}`,
      ),
    values: { username: "a", password: "b" },
  },
  {
    place: "jobs.<id>.services.<id>",
    wrap: withImage("services: {db: {%}}"),
    values: { ...container, entrypoint: "a", command: "b" },
  },
  {
    place: "jobs.<id>.steps[] with run",
    wrap: step({ run: "make" }),
    values: { ...stepKeys, run: "make test", shell: "bash", "working-directory": "a" },
  },
  {
    place: "jobs.<id>.steps[] with uses",
    wrap: step({ uses: "owner/name@v1" }),
    values: { ...stepKeys, uses: "owner/name/path@v1", with: "{a: b}" },
  },
  {
    place: "jobs.<id>.steps[] about background steps",
    wrap: (entry) => step(/^(?:wait|wait-all|cancel|parallel):/.test(entry) ? {} : { wait: "before" })(entry),
    values: {
      wait: "[before]",
      "wait-all": "true",
      cancel: "before",
      parallel: "[{run: make}, {run: make test}]",
      id: "one",
      name: "A step",
      "continue-on-error": "true",
    },
  },
];
