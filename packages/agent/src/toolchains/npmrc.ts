import type { BuiltInAnswer, BuiltInRequest } from "../actions/action-port.ts";
import { inputOf } from "./setup-tool.ts";

/** What a setup action has decided. */
export interface SetupResult {
  readonly outputs: { readonly [name: string]: string };
  /** Put in front of PATH; the last one first. */
  readonly paths: readonly string[];
  readonly say: readonly string[];
}

// Written by the job's user: where its folders lead is its own affair.
const SCRIPT = `set -eu
printf '%s\\n' "$WINDROW_SETUP_SAY"
printf '%s' "$WINDROW_SETUP_NPMRC" > "$RUNNER_TEMP/.npmrc"
printf '%s\\n' "$WINDROW_SETUP_OUTPUT" >> "$GITHUB_OUTPUT"
printf '%s\\n' "$WINDROW_SETUP_PATH" >> "$GITHUB_PATH"
printf 'NPM_CONFIG_USERCONFIG=%s\\nNODE_AUTH_TOKEN=%s\\n' "$RUNNER_TEMP/.npmrc" "\${NODE_AUTH_TOKEN:-XXXXX-XXXXX-XXXXX-XXXXX}" >> "$GITHUB_ENV"
`;

const SCOPE = /^@?[A-Za-z0-9][A-Za-z0-9_.~-]*$/;

/**
 * With `registry-url`, an npm configuration is written that reads its token from NODE_AUTH_TOKEN at the time it is used;
 * without it nothing is left to do.
 */
export function npmrcOf(request: BuiltInRequest, { outputs, paths, say }: SetupResult): BuiltInAnswer {
  const registryUrl = inputOf(request, "registry-url");
  if (registryUrl === "") return { kind: "done", outputs, env: [], paths, say };
  if (!/^https?:$/.test(URL.parse(registryUrl)?.protocol ?? "") || /\s/.test(registryUrl)) {
    return { kind: "refused", why: `registry-url '${registryUrl}' is not an http or https URL` };
  }
  const scope = inputOf(request, "scope");
  if (scope !== "" && !SCOPE.test(scope)) return { kind: "refused", why: `scope '${scope}' is not a name of a scope` };
  const registry = registryUrl.endsWith("/") ? registryUrl : `${registryUrl}/`;
  const prefix = scope === "" ? "" : `${scope.startsWith("@") ? "" : "@"}${scope.toLowerCase()}:`;
  const place = registry.replace(/^https?:/, "");
  return {
    kind: "run",
    argv: ["/bin/sh", "-c", SCRIPT, "setup-node"],
    env: {
      WINDROW_SETUP_SAY: say.join("\n"),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: npm fills it in
      WINDROW_SETUP_NPMRC: `${place}:_authToken=${"${NODE_AUTH_TOKEN}"}\n${prefix}registry=${registry}\n`,
      WINDROW_SETUP_OUTPUT: Object.entries(outputs)
        .map(([name, value]) => `${name}=${value}`)
        .join("\n"),
      WINDROW_SETUP_PATH: paths.join("\n"),
      NODE_AUTH_TOKEN: request.env.NODE_AUTH_TOKEN ?? "",
    },
  };
}
