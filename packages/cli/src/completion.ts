import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import { createApiClient } from "./api/client.ts";
import { usageError } from "./cli-error.ts";
import { resolveConnection } from "./config/resolve-connection.ts";
import type { OutputStream } from "./output/terminal.ts";

const SHELLS = ["bash", "zsh", "fish", "powershell"];
/** The person waits with a finger on the Tab key. */
const NAMES_WITHIN_MS = 1500;
const NAMES_MAX = 50;

/** The script relies on a function of the package bash-completion, which many servers do not have. */
const BASH_FALLBACK = `if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        cur=\${COMP_WORDS[COMP_CWORD]}
        prev=\${COMP_WORDS[COMP_CWORD-1]}
        words=("\${COMP_WORDS[@]}")
        cword=$COMP_CWORD
    }
fi
`;

type Environment = Readonly<Record<string, string | undefined>>;
interface CompletedName {
  readonly value: string;
  readonly description: string;
}

/** For a program without its placeholder: answers `windrow completion SHELL` and the requests of that script (`windrow complete -- …`). */
export async function answerCompletion(
  program: Command,
  args: readonly string[],
  options: { readonly environment: Environment; readonly out: OutputStream },
): Promise<void> {
  const { environment, out } = options;
  if (args[0] === "completion" && !SHELLS.includes(args[1] ?? "")) {
    throw usageError("which shell?", "One of: windrow completion bash|zsh|fish");
  }
  const wanted = args[0] === "complete" ? wantedNames(args.slice(2)) : undefined;
  const names = wanted === undefined ? [] : await loadNames(wanted, environment);
  if (args[0] === "completion" && args[1] === "bash") out.write(BASH_FALLBACK);
  const completion = tab(program, { completionCommandName: "completion" });
  for (const [name, command] of completion.commands) {
    const offered = wantedNames([...name.split(" "), ""]);
    if (offered === undefined) continue;
    for (const argument of command.arguments.values()) {
      argument.handler = (complete) => {
        if (offered === wanted) for (const { value, description } of names) complete(value, description);
      };
    }
  }
  await program.parseAsync([...args], { from: "user" });
}

export type NameKind = "run" | "agent" | "repository";

/** Which names belong at the place being completed, by the words before it (the word itself is the last). */
export function wantedNames(words: readonly string[]): NameKind | undefined {
  const [noun, verb, ...rest] = words.filter((word) => !word.startsWith("-"));
  if (rest.length > 1 || words.at(-1)?.startsWith("-")) return undefined;
  if (noun === "run" && ["view", "watch", "logs", "cancel", "rerun"].includes(verb ?? "")) return "run";
  if (noun === "agent" && ["view", "drain", "resume", "remove"].includes(verb ?? "")) return "agent";
  if (noun === "repo" && ["set", "delete"].includes(verb ?? "")) return "repository";
  return undefined;
}

/** Names from the farm; none when there is no farm or it does not answer in time: completion never complains. */
async function loadNames(kind: NameKind, environment: Environment): Promise<CompletedName[]> {
  try {
    const connection = await resolveConnection({}, environment);
    const api = createApiClient({ urls: connection.urls, token: connection.token, answerMaxMs: NAMES_WITHIN_MS });
    switch (kind) {
      case "run": {
        const { answer } = await api.call("listRuns", { query: { limit: NAMES_MAX } });
        return answer.items.map((run) => ({
          value: String(run.id),
          description: `${run.repository} ${run.workflow_name} ${run.conclusion ?? run.state}`,
        }));
      }
      case "agent": {
        const { answer } = await api.call("listAgents", {});
        return answer.items
          .slice(0, NAMES_MAX)
          .map((agent) => ({ value: agent.name, description: `${agent.pool} ${agent.state}` }));
      }
      case "repository": {
        const { answer } = await api.call("listRepositories", {});
        return answer.items.slice(0, NAMES_MAX).map((repository) => ({ value: repository.full_name, description: "" }));
      }
    }
  } catch (error) {
    if (environment.WINDROW_DEBUG) throw error;
    return [];
  }
}
