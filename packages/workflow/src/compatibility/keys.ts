import { type KeyGroup, partly, supported } from "./entry.ts";

const OF_CONTAINERS: { readonly [key: string]: string } = {
  image: "with or without docker://; an image that comes out empty means none",
  env: "an expression may give the whole map",
  ports: "an expression may give the list",
  volumes: "named volumes, which go with the job, and folders of the workspace; others as the pool's admin allows",
  options: "those of `docker create` by an allow-list; see the manual of containers",
  credentials: "an expression may give the map",
  entrypoint: "split into words as a shell does",
  command: "split into words as a shell does",
};
const NARROWED = new Set(["volumes", "options"]);
const ofContainer = (name: string) =>
  NARROWED.has(name) ? partly(name, OF_CONTAINERS[name] ?? "") : supported(name, OF_CONTAINERS[name]);
const NO_SCOPE = "read; the farm has nothing of the kind to give or to keep back";

/** Every key of a workflow file but filters of events, by its place. */
export const KEY_GROUPS: readonly KeyGroup[] = [
  {
    place: "",
    schema: ["workflow-root", "workflow-root-strict"],
    keys: [
      supported("name"),
      supported("run-name"),
      supported("description", "for readers of the file; shown nowhere"),
      supported("on", "see the events below"),
      supported("env", "names are case-sensitive; an expression may give the whole map"),
      supported("defaults"),
      supported("permissions"),
      supported("concurrency"),
      supported("jobs", "at most 2,000 after expansion"),
    ],
  },
  {
    place: "on.workflow_call",
    schema: ["workflow-call-mapping"],
    keys: [
      supported("inputs"),
      supported("outputs"),
      partly("secrets", "asked for and checked; see the secrets context"),
    ],
  },
  {
    place: "on.workflow_call.inputs.<id>",
    schema: ["workflow-call-input-definition"],
    keys: [supported("description"), supported("type"), supported("required"), supported("default")],
  },
  {
    place: "on.workflow_call.secrets.<id>",
    schema: ["workflow-call-secret-mapping-definition"],
    keys: [supported("description"), supported("required")],
  },
  {
    place: "on.workflow_call.outputs.<id>",
    schema: ["workflow-call-output-definition"],
    keys: [supported("description"), supported("value")],
  },
  { place: "on.workflow_dispatch", schema: ["workflow-dispatch-mapping"], keys: [supported("inputs")] },
  {
    place: "on.workflow_dispatch.inputs.<id>",
    schema: ["workflow-dispatch-input"],
    keys: [
      supported("description"),
      supported("type", "string, boolean, number, choice, environment"),
      supported("required"),
      supported("default"),
      supported("options"),
    ],
  },
  { place: "on.schedule[]", schema: ["cron-mapping"], keys: [supported("cron"), supported("timezone")] },
  {
    place: "permissions",
    schema: ["permissions-mapping"],
    keys: [
      supported("contents", "read lets the job's token fetch its repository, write lets it push"),
      supported("actions", "write lets the job's token start workflows"),
      ..."artifact-metadata attestations checks code-quality copilot-requests deployments discussions drives id-token issues"
        .split(" ")
        .map((name) => partly(name, NO_SCOPE)),
      ..."models packages pages pull-requests repository-projects security-events statuses vulnerability-alerts"
        .split(" ")
        .map((name) => partly(name, NO_SCOPE)),
    ],
  },
  { place: "defaults", schema: ["workflow-defaults"], keys: [supported("run")] },
  {
    place: "defaults.run",
    schema: ["workflow-defaults-run"],
    keys: [supported("shell"), supported("working-directory")],
  },
  {
    place: "concurrency",
    schema: ["concurrency-mapping"],
    keys: [
      supported("group", "by repository, without case"),
      supported("cancel-in-progress"),
      supported("queue", "single: one waits and a newer one takes its place; max: all wait in order, up to 10,000"),
    ],
  },
  {
    place: "jobs.<id>",
    schema: ["job-factory"],
    keys: [
      supported("name"),
      supported("needs"),
      supported("if", "success() && (…) unless it names a status function"),
      supported("runs-on", "every label must be there"),
      supported("permissions"),
      supported("strategy"),
      supported("concurrency"),
      supported("env"),
      supported("defaults"),
      supported("outputs"),
      supported("timeout-minutes", "360 by default, at most five days; the job ends as cancelled"),
      supported("continue-on-error"),
      supported("steps", "at most 1,000"),
      partly("environment", "jobs with one never run twice at once; no rules and no secrets of environments"),
      supported(
        "container",
        "on agents with a Docker engine, which have the label docker; see the manual of containers",
      ),
      supported("services", "as container; an expression may give the whole map"),
      partly("snapshot", "accepted with a warning, without effect: agents make no images of themselves"),
      partly("cancel-timeout-minutes", "accepted with a warning, without effect: the farm sets the time to end"),
    ],
  },
  {
    place: "jobs.<id> (a call)",
    schema: ["workflow-job"],
    keys: [
      supported("uses", "./path or $/path of this repository, owner/name/path@ref of another; ten levels, 50 files"),
      supported("with"),
      partly("secrets", "checked against what the called file asks for; see the secrets context"),
      supported("name"),
      supported("needs"),
      supported("if"),
      supported("permissions"),
      supported("concurrency"),
      supported("strategy"),
    ],
  },
  {
    place: "jobs.<id>.strategy",
    schema: ["strategy"],
    keys: [supported("matrix"), supported("fail-fast", "true by default"), supported("max-parallel")],
  },
  {
    place: "jobs.<id>.strategy.matrix",
    schema: ["matrix"],
    keys: [supported("include", "at most 256 combinations; may be computed from needs"), supported("exclude")],
  },
  {
    place: "jobs.<id>.runs-on",
    schema: ["runs-on-mapping"],
    keys: [supported("group", "the pool of that name"), supported("labels")],
  },
  {
    place: "jobs.<id>.environment",
    schema: ["job-environment-mapping"],
    keys: [
      partly("name", "as environment"),
      partly("url", "accepted; shown nowhere yet"),
      partly("deployment", "accepted with a warning, without effect"),
    ],
  },
  {
    place: "jobs.<id>.snapshot",
    schema: ["snapshot-mapping"],
    keys: ["image-name", "if", "version"].map((name) => partly(name, "as snapshot")),
  },
  { place: "jobs.<id>.defaults", schema: ["job-defaults"], keys: [supported("run")] },
  {
    place: "jobs.<id>.defaults.run",
    schema: ["job-defaults-run"],
    keys: [supported("shell"), supported("working-directory")],
  },
  {
    place: "jobs.<id>.container",
    schema: ["container-mapping"],
    keys: ["image", "env", "ports", "volumes", "options", "credentials"].map(ofContainer),
  },
  {
    place: "jobs.<id>.container.credentials",
    schema: ["container-registry-credentials"],
    keys: [supported("username"), supported("password")],
  },
  {
    place: "jobs.<id>.services.<id>",
    schema: ["service-container-mapping"],
    keys: ["image", "env", "ports", "volumes", "options", "credentials", "entrypoint", "command"].map(ofContainer),
  },
  {
    place: "jobs.<id>.steps[] with run",
    schema: ["run-step"],
    keys: [
      supported("run"),
      supported("shell", "see the shells below"),
      supported("working-directory"),
      supported("id"),
      supported("name"),
      supported("if"),
      supported("env"),
      supported("continue-on-error"),
      supported("timeout-minutes"),
      supported("background"),
    ],
  },
  {
    place: "jobs.<id>.steps[] with uses",
    schema: ["regular-step"],
    keys: [
      supported("uses", "see the actions below"),
      supported("with"),
      supported("id"),
      supported("name"),
      supported("if"),
      supported("env"),
      supported("continue-on-error"),
      supported("timeout-minutes"),
      supported("background"),
    ],
  },
  {
    place: "jobs.<id>.steps[] about background steps",
    schema: ["wait-step", "wait-all-step", "cancel-step", "parallel-step"],
    keys: [
      supported("wait"),
      supported("wait-all"),
      supported("cancel"),
      supported("parallel"),
      supported("id"),
      supported("name"),
      supported("continue-on-error"),
    ],
  },
];
