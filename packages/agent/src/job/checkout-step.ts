import type { Plan } from "@windrow/model";
import { CHECKOUT_SCRIPT } from "./checkout-script.ts";

/** What one checkout does; all of it goes to the script by environment, so that no token stands in an argv. */
export interface CheckoutOptions {
  readonly plan: Plan;
  readonly serverUrl: string;
  readonly jobToken: string;
  /** Inputs as evaluated, names in lower case. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly workspaceDir: string;
}

export type CheckoutStart =
  | { readonly kind: "run"; readonly argv: readonly string[]; readonly env: { readonly [name: string]: string } }
  | { readonly kind: "refused"; readonly why: string };

const SHA = /^[0-9a-f]{40}$|^[0-9a-f]{64}$/;
/** What git itself would refuse, and everything a shell or an option parser could misread. */
const REF = /^(?![-/])(?!.*(\.\.|\/\/|@\{|\/$|\.lock$|\.$))[^\s~^:?*[\\\p{Cc}]+$/u;

/** Decides what a checkout step does. Refuses inputs that mean something else than they should. */
export function prepareCheckout(options: CheckoutOptions): CheckoutStart {
  const { plan, inputs, serverUrl, jobToken } = options;
  const wanted = (inputs.get("ref") ?? "").trim();
  const depth = (inputs.get("fetch-depth") ?? "").trim() || "1";
  if (!/^\d{1,9}$/.test(depth)) return { kind: "refused", why: `fetch-depth is '${depth}', not a number` };
  if (wanted !== "" && !REF.test(wanted)) return { kind: "refused", why: `ref '${wanted}' is not a name git allows` };
  const path = (inputs.get("path") ?? "").trim() || ".";
  if (path.startsWith("/") || path.split("/").includes("..")) {
    return { kind: "refused", why: `path '${path}' is not below the workspace` };
  }
  const refused = whyRefused(options);
  if (refused !== undefined) return { kind: "refused", why: refused };
  const isSha = SHA.test(wanted);
  const basic = checkoutCredential(jobToken);
  return {
    kind: "run",
    argv: ["/bin/sh", "-c", CHECKOUT_SCRIPT, "checkout"],
    env: {
      WINDROW_CHECKOUT_DIR: path,
      WINDROW_CHECKOUT_URL: `${serverUrl}/${plan.repository}`,
      WINDROW_CHECKOUT_REPOSITORY: plan.repository,
      WINDROW_CHECKOUT_SERVER: serverUrl,
      WINDROW_CHECKOUT_BASIC: basic,
      WINDROW_CHECKOUT_REF: wanted === "" ? plan.ref : isSha ? "" : wanted,
      WINDROW_CHECKOUT_SHA: wanted === "" ? plan.sha : isSha ? wanted : "",
      WINDROW_CHECKOUT_DEPTH: depth,
      WINDROW_CHECKOUT_SAY: notesOf(options).join("\n"),
      WINDROW_CHECKOUT_TAGS: isTrue(inputs.get("fetch-tags")) ? "true" : "false",
      WINDROW_CHECKOUT_SPARSE: (inputs.get("sparse-checkout") ?? "").trim(),
      WINDROW_CHECKOUT_CONE: isFalse(inputs.get("sparse-checkout-cone-mode")) ? "--no-cone" : "--cone",
      WINDROW_CHECKOUT_SUBMODULES: submodulesOf(inputs.get("submodules")),
      WINDROW_CHECKOUT_CLEAN: isFalse(inputs.get("clean")) ? "false" : "true",
      WINDROW_CHECKOUT_PERSIST: isFalse(inputs.get("persist-credentials")) ? "false" : "true",
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_ALLOW_PROTOCOL: "http:https",
      GIT_CONFIG_COUNT: "3",
      GIT_CONFIG_KEY_0: `http.${serverUrl}/.extraheader`,
      GIT_CONFIG_VALUE_0: `AUTHORIZATION: basic ${basic}`,
      GIT_CONFIG_KEY_1: "core.hooksPath",
      GIT_CONFIG_VALUE_1: "/dev/null",
      GIT_CONFIG_KEY_2: "http.followRedirects",
      GIT_CONFIG_VALUE_2: "false",
    },
  };
}

/** The password git sends; secret like the token in it. */
export function checkoutCredential(jobToken: string): string {
  return Buffer.from(`x-access-token:${jobToken}`).toString("base64");
}

const isFalse = (text: string | undefined): boolean => text?.trim().toLowerCase() === "false";
const isTrue = (text: string | undefined): boolean => text?.trim().toLowerCase() === "true";

function submodulesOf(text: string | undefined): string {
  const wanted = text?.trim().toLowerCase() ?? "";
  return wanted === "true" || wanted === "recursive" ? wanted : "false";
}

const KNOWN = new Set([
  ...["repository", "ref", "token", "path", "clean", "fetch-depth", "fetch-tags", "persist-credentials", "submodules"],
  ...["sparse-checkout", "sparse-checkout-cone-mode", "lfs", "ssh-key", "show-progress", "set-safe-directory"],
]);

/** What cannot be done, in a sentence; nothing is done then. */
function whyRefused({ plan, inputs }: CheckoutOptions): string | undefined {
  const repository = (inputs.get("repository") ?? "").trim();
  if (repository !== "" && repository.toLowerCase() !== plan.repository.toLowerCase()) {
    return `repository '${repository}' cannot be checked out: the token of this job reaches ${plan.repository} only`;
  }
  if (isTrue(inputs.get("lfs"))) return "lfs: true cannot be done: files of git LFS are not served here";
  if ((inputs.get("ssh-key") ?? "") !== "") return "ssh-key cannot be used: a job fetches over HTTP with its own token";
  return undefined;
}

function notesOf({ inputs, jobToken }: CheckoutOptions): string[] {
  const notes = [...inputs.keys()]
    .filter((name) => !KNOWN.has(name))
    .map((name) => `Note: the input '${name}' has no effect here`);
  const token = inputs.get("token") ?? "";
  if (token !== "" && token !== jobToken) notes.push("Note: the job's own token is used, not the one that was given");
  return notes;
}
