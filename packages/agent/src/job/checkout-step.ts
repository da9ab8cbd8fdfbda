import { join } from "node:path";
import type { Plan } from "@windrow/model";
import { type CheckoutInputs, readCheckoutInputs } from "./checkout-inputs.ts";
import { CHECKOUT_POST_SCRIPT, CHECKOUT_SCRIPT } from "./checkout-script.ts";

/** What one checkout does; all of it goes to the script by environment, so that no token stands in an argv. */
export interface CheckoutOptions {
  readonly plan: Pick<Plan, "repository" | "ref" | "sha" | "permissions">;
  /** The gateway, by name. */
  readonly serverUrl: string;
  readonly jobToken: string;
  /** Inputs as evaluated, names in lower case. */
  readonly inputs: ReadonlyMap<string, string>;
  /** The folders as the step sees them. */
  readonly workspaceDir: string;
  readonly homeDir: string;
  readonly tempDir: string;
  /** The machine's own environment, or the image's; never what the job or its workflow set. */
  readonly ownEnv: { readonly [name: string]: string };
  /** How programs find the way out of the job's network, where there is one of its own. */
  readonly networkEnv?: { readonly [name: string]: string } | undefined;
  /** The workspace's owner is another user than the step's, so git must be told to trust it. */
  readonly isInContainer?: boolean | undefined;
  /**
   * For an image without git: it is done on the machine in this folder, which the script makes and no container has, and
   * what came of it is moved into the workspace. A container can change the workspace while git would read it.
   */
  readonly machineDir?: string | undefined;
  /** The agent's copy of the repository, as the step sees it. */
  readonly mirrorDir?: string | undefined;
}

export type CheckoutStart =
  | {
      readonly kind: "run";
      readonly argv: readonly string[];
      /** The whole of it: nothing of the job's may be added. */
      readonly env: { readonly [name: string]: string };
      readonly isTrusted: true;
      readonly post?: {
        readonly argv: readonly string[];
        readonly env: { readonly [name: string]: string };
        readonly isTrusted: true;
      };
    }
  | { readonly kind: "refused"; readonly why: string };

/** Submodules within submodules, and all of them together. */
export const SUBMODULES_DEEP_MAX = 8;
export const SUBMODULES_MAX = 200;

const SHA = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const SHORT_SHA = /^[0-9a-f]{4,39}$/i;

/** Decides what a checkout step does. Refuses inputs that mean something else than they should. */
export function prepareCheckout(options: CheckoutOptions): CheckoutStart {
  const { plan, serverUrl, jobToken } = options;
  const read = readCheckoutInputs(options);
  if (typeof read === "string") return { kind: "refused", why: read };
  const isOwn = isOwnRepository(read, plan);
  const contents = plan.permissions.contents ?? "none";
  if (isOwn && contents === "none") {
    const why = `this job's token may not read ${plan.repository}: give the job \`permissions: { contents: read }\``;
    return { kind: "refused", why };
  }
  const repository = isOwn ? plan.repository : (read.repository ?? plan.repository);
  const fixed = fixedEnv(options);
  const { machineDir } = options;
  const place = {
    WINDROW_CHECKOUT_WORKSPACE: options.workspaceDir,
    WINDROW_CHECKOUT_MACHINE: machineDir ?? "",
    WINDROW_CHECKOUT_DIR: read.path,
    WINDROW_CHECKOUT_SERVER: serverUrl,
    // git finds the gateway by either; git-lfs does not know every name under localhost
    WINDROW_CHECKOUT_API: `http://127.0.0.1:${new URL(serverUrl).port}`,
  };
  return {
    kind: "run",
    argv: ["/bin/sh", "-c", CHECKOUT_SCRIPT, "checkout"],
    isTrusted: true,
    env: {
      ...fixed,
      ...place,
      WINDROW_CHECKOUT_URL: `${serverUrl}/${repository}`,
      WINDROW_CHECKOUT_REPOSITORY: repository,
      WINDROW_CHECKOUT_BASIC: checkoutCredential(jobToken),
      ...refEnv(read, isOwn ? plan : undefined),
      WINDROW_CHECKOUT_DEPTH: String(read.depth),
      WINDROW_CHECKOUT_SAY: read.notes.join("\n"),
      WINDROW_CHECKOUT_TAGS: String(read.hasTags),
      WINDROW_CHECKOUT_FILTER: read.filter,
      WINDROW_CHECKOUT_SPARSE: read.sparse,
      WINDROW_CHECKOUT_CONE: read.isCone ? "--cone" : "--no-cone",
      WINDROW_CHECKOUT_SUBMODULES: read.submodules,
      WINDROW_CHECKOUT_SUBMODULES_DEEP: String(SUBMODULES_DEEP_MAX),
      WINDROW_CHECKOUT_SUBMODULES_MAX: String(SUBMODULES_MAX),
      WINDROW_CHECKOUT_CLEAN: String(read.isClean),
      WINDROW_CHECKOUT_PERSIST: String(read.isPersistent),
      WINDROW_CHECKOUT_MIRROR: isOwn ? (options.mirrorDir ?? "") : "",
      WINDROW_CHECKOUT_LFS: read.hasLfs ? `${place.WINDROW_CHECKOUT_API}/${repository}.git/info/lfs` : "",
      WINDROW_CHECKOUT_SAFE: options.isInContainer === true && read.isSafe ? options.homeDir : "",
      WINDROW_CHECKOUT_WHERE: options.isInContainer === true ? "in the job's image" : "on this agent",
    },
    ...(read.isPersistent && {
      post: { argv: ["/bin/sh", "-c", CHECKOUT_POST_SCRIPT, "checkout"], env: { ...fixed, ...place }, isTrusted: true },
    }),
  };
}

/** Whether the checkout is of the run's own repository; false for inputs that are refused anyway. */
export function isOwnCheckout(options: Pick<CheckoutOptions, "inputs" | "jobToken" | "serverUrl" | "plan">): boolean {
  const read = readCheckoutInputs(options);
  return typeof read !== "string" && isOwnRepository(read, options.plan);
}

const isOwnRepository = ({ repository }: CheckoutInputs, plan: Pick<Plan, "repository">): boolean =>
  repository === undefined || repository.toLowerCase() === plan.repository.toLowerCase();

/** The password git sends; secret like the token in it. */
export function checkoutCredential(jobToken: string): string {
  return Buffer.from(`x-access-token:${jobToken}`).toString("base64");
}

/** What of the machine or the image a checkout needs; a workflow can set all else for a container of its own. */
const OWN_NAMES = /^(?:PATH|LANG|LC_[A-Z]+|TZ|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE|(?:https?|all|no)_proxy)$/i;

/** What git reads beside its configuration: hooks and watchers are off whatever a repository says. */
function fixedEnv({ ownEnv, networkEnv, tempDir, machineDir }: CheckoutOptions): { [name: string]: string } {
  return {
    ...Object.fromEntries(Object.entries({ ...ownEnv, ...networkEnv }).filter(([name]) => OWN_NAMES.test(name))),
    TMPDIR: machineDir === undefined ? tempDir : join(machineDir, "tmp"),
    HOME: "/nonexistent",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_ALLOW_PROTOCOL: "http:https",
    GIT_LFS_SKIP_SMUDGE: "0",
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "core.hooksPath",
    GIT_CONFIG_VALUE_0: "/dev/null",
    GIT_CONFIG_KEY_1: "core.fsmonitor",
    GIT_CONFIG_VALUE_1: "false",
  };
}

/** Without a ref: the run's own commit, or the other repository's default branch. */
function refEnv({ ref }: CheckoutInputs, own: Pick<Plan, "ref" | "sha"> | undefined): { [name: string]: string } {
  const isSha = SHA.test(ref);
  const hint = SHORT_SHA.test(ref) ? " (a commit is named by all digits of its id)" : "";
  return {
    WINDROW_CHECKOUT_REF: ref === "" ? (own?.ref ?? "") : isSha ? "" : ref,
    WINDROW_CHECKOUT_SHA: ref === "" ? (own?.sha ?? "") : isSha ? ref : "",
    WINDROW_CHECKOUT_HINT: hint,
  };
}
