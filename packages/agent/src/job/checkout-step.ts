import type { Plan } from "@windrow/model";

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

/**
 * Runs as the job's user. Everything it is told comes in WINDROW_CHECKOUT_*; git reads no configuration but the
 * repository's own, runs no hook, and speaks http alone.
 */
const SCRIPT = `set -euf
fail() { echo "::error::checkout: $1"; exit 1; }
command -v git >/dev/null 2>&1 || fail "git is not installed on this agent"
mkdir -p -- "$WINDROW_CHECKOUT_DIR"
cd -- "$WINDROW_CHECKOUT_DIR"
if [ -d .git ]; then
  [ "$WINDROW_CHECKOUT_CLEAN" = false ] || { git clean -ffdx >/dev/null; git reset --hard >/dev/null 2>&1 || :; }
else
  if [ "$WINDROW_CHECKOUT_CLEAN" != false ] && [ "$WINDROW_CHECKOUT_DIR" != . ]; then
    find . -mindepth 1 -maxdepth 1 -exec rm -rf -- {} +
  fi
  git init -q --template= .
fi
git remote remove origin >/dev/null 2>&1 || :
git remote add origin "$WINDROW_CHECKOUT_URL"
git config --local gc.auto 0
depth=
[ "$WINDROW_CHECKOUT_DEPTH" = 0 ] || depth="--depth=$WINDROW_CHECKOUT_DEPTH"
tags=--no-tags
[ "$WINDROW_CHECKOUT_DEPTH" != 0 ] || tags=--tags
get() { git fetch -q --no-recurse-submodules --force $tags $depth origin "$@"; }
all='+refs/heads/*:refs/remotes/origin/*'
[ "$WINDROW_CHECKOUT_DEPTH" = 0 ] || all=
ref=$WINDROW_CHECKOUT_REF
sha=$WINDROW_CHECKOUT_SHA
if [ -z "$sha" ]; then
  case $ref in
    refs/*) found=$ref ;;
    *) found=$(git ls-remote -q origin "refs/heads/$ref" "refs/tags/$ref" | cut -f2 | head -n 1) ;;
  esac
  [ -n "$found" ] || fail "there is no branch or tag '$ref' in $WINDROW_CHECKOUT_REPOSITORY"
  ref=$found
fi
case $ref in
  refs/heads/*) branch=\${ref#refs/heads/}; local="refs/remotes/origin/$branch" ;;
  refs/tags/*) branch=; local=$ref ;;
  *) branch=; local= ;;
esac
if [ -n "$all" ]; then
  get "\${sha:-$ref}" "$all" || fail "'\${sha:-$ref}' could not be fetched"
  case $local in refs/remotes/*) [ -z "$sha" ] || git update-ref "$local" "$sha" ;; esac
elif [ -n "$local" ]; then
  get "+\${sha:-$ref}:$local" || fail "'\${sha:-$ref}' could not be fetched"
else
  get "\${sha:-$ref}" || fail "'\${sha:-$ref}' could not be fetched"
fi
target=\${local:-\${sha:-FETCH_HEAD}}
[ -z "$sha" ] || target=$sha
if [ -n "$branch" ]; then
  git checkout -q --force -B "$branch" "$target"
  git config --local "branch.$branch.remote" origin
  git config --local "branch.$branch.merge" "refs/heads/$branch"
else
  git checkout -q --force --detach "$target"
fi
if [ "$WINDROW_CHECKOUT_PERSIST" != false ]; then
  umask 077
  printf '[http "%s/"]\\n\\textraheader = AUTHORIZATION: basic %s\\n' "$WINDROW_CHECKOUT_SERVER" "$WINDROW_CHECKOUT_BASIC" >> .git/config
fi
git log -1 --format='HEAD is now at %H %s'
`;

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
  const isSha = SHA.test(wanted);
  const basic = checkoutCredential(jobToken);
  return {
    kind: "run",
    argv: ["/bin/sh", "-c", SCRIPT, "checkout"],
    env: {
      WINDROW_CHECKOUT_DIR: path,
      WINDROW_CHECKOUT_URL: `${serverUrl}/${plan.repository}`,
      WINDROW_CHECKOUT_REPOSITORY: plan.repository,
      WINDROW_CHECKOUT_SERVER: serverUrl,
      WINDROW_CHECKOUT_BASIC: basic,
      WINDROW_CHECKOUT_REF: wanted === "" ? plan.ref : isSha ? "" : wanted,
      WINDROW_CHECKOUT_SHA: wanted === "" ? plan.sha : isSha ? wanted : "",
      WINDROW_CHECKOUT_DEPTH: depth,
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
