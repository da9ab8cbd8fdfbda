import { pullRequest } from "./pull-request.ts";
import type { RealCase } from "./real-case.ts";

const MINUTE_MS = 60_000;

/** The files that run, the quick ones first. */
export const REAL_CASES: readonly RealCase[] = [
  {
    file: "composer__composer__api-surface.yml",
    source: { kind: "debian", package: "composer", suite: "bookworm" },
    branch: "main",
    event: { name: "pull_request", payload: (facts) => pullRequest(facts, { base: "main" }) },
    withinMs: MINUTE_MS,
  },
  {
    file: "moby__moby__validate-pr.yml",
    source: { kind: "debian", package: "docker.io", suite: "bookworm" },
    branch: "master",
    event: {
      name: "pull_request",
      payload: (facts) =>
        pullRequest(facts, {
          base: "master",
          title: "daemon: close idle connections",
          labels: ["impact/changelog", "area/daemon", "kind/bugfix"],
          body: "What it does.\n\n```markdown changelog\nIdle connections are closed.\n```\n",
        }),
    },
    withinMs: 2 * MINUTE_MS,
    remark: "check-commit-references asks GitHub's own API with `gh`",
  },
  {
    file: "temporalio__sdk-typescript__changelog.yml",
    source: { kind: "npm", package: "@temporalio/common", version: "1.24.0" },
    branch: "main",
    event: {
      name: "pull_request",
      payload: (facts) => pullRequest(facts, { base: "main", labels: ["skip-changelog"] }),
    },
    withinMs: MINUTE_MS,
  },
  {
    file: "actions__checkout__update-main-version.yml",
    branch: "main",
    tags: ["v4.9.9"],
    event: { name: "workflow_dispatch", inputs: { target: "v4.9.9", major_version: "v4" } },
    withinMs: MINUTE_MS,
    remark: "it pushes a tag and declares no permissions; here a job's token may then only read",
  },
  {
    file: "redis__redis__reply-schemas-linter.yml",
    source: { kind: "debian", package: "redis", suite: "trixie" },
    branch: "unstable",
    event: { name: "push" },
    withinMs: 3 * MINUTE_MS,
  },
  {
    file: "jqlang__jq__manpage.yml",
    source: { kind: "debian", package: "jq", suite: "trixie" },
    branch: "master",
    event: { name: "push" },
    withinMs: 5 * MINUTE_MS,
  },
  {
    file: "psf__requests__typecheck.yml",
    source: { kind: "pypi", package: "requests", version: "2.34.2" },
    branch: "main",
    event: { name: "push" },
    withinMs: 5 * MINUTE_MS,
    remark:
      "it asks for Python 3.10 and 3.14, and no package registry has Python itself; the first row that fails ends the other",
  },
  {
    file: "expressjs__express__ci.yml",
    source: { kind: "debian", package: "node-express", suite: "bookworm" },
    branch: "master",
    event: { name: "push" },
    withinMs: 12 * MINUTE_MS,
    remark: "every test job ends with actions/upload-artifact; half of them want Windows",
  },
  {
    file: "spf13__cobra__test.yml",
    source: { kind: "debian", package: "golang-github-spf13-cobra", suite: "trixie" },
    branch: "main",
    event: { name: "push" },
    withinMs: 12 * MINUTE_MS,
    remark:
      "half of the jobs want macOS or Windows; lic-headers pulls a container image, golangci-lint is an action of its own",
  },
  {
    file: "redis__redis__ci.yml",
    source: { kind: "debian", package: "redis", suite: "trixie" },
    branch: "unstable",
    event: { name: "push" },
    withinMs: 12 * MINUTE_MS,
    remark: "jobs in containers, on macOS, and with sudo",
  },
];
