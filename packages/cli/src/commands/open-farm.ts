import { type ApiClient, createApiClient } from "../api/client.ts";
import { usageError } from "../cli-error.ts";
import { type Connection, resolveConnection } from "../config/resolve-connection.ts";
import { findRemote } from "../git/find-remote.ts";
import type { CommandContext } from "./command-context.ts";
import type { FarmOptions } from "./common-options.ts";

/** The farm a command works with. */
export interface OpenedFarm {
  readonly api: ApiClient;
  readonly connection: Connection;
  /** `owner/name` by flag, environment, file, or the git remote here; nothing when none of them says. */
  readonly findRepository: () => Promise<string | undefined>;
  /** The same; CliError `usage` when nothing says which repository is meant. */
  readonly needRepository: () => Promise<string>;
}

const FULL_NAME = /^[^/\s]+\/[^/\s]+$/;

/** Settles configuration; asks nothing of the farm yet. Errors: CliError `usage`. */
export async function openFarm(context: CommandContext, options: FarmOptions): Promise<OpenedFarm> {
  const flags = {
    url: options.url,
    token: options.token,
    token_file: options.tokenFile,
    data: options.data,
    ca: options.ca,
    repo: options.repo,
  };
  const connection = await resolveConnection(flags, context.environment);
  const api = createApiClient({ urls: connection.urls, token: connection.token });

  const findRepository = async () => {
    const configured = connection.repository;
    if (configured !== undefined) {
      if (!FULL_NAME.test(configured))
        throw usageError(`${JSON.stringify(configured)} is not owner/name`, "For example: -R me/my-app");
      return configured;
    }
    const remote = await findRemote(context.cwd, connection.urls[0]);
    if (remote === undefined) return undefined;
    return remote.owner === undefined ? await completeName(api, remote.name) : `${remote.owner}/${remote.name}`;
  };

  return {
    api,
    connection,
    findRepository,
    async needRepository() {
      const found = await findRepository();
      if (found !== undefined) return found;
      throw usageError(
        "which repository is meant?",
        `Name it with -R owner/name, or add the farm as a git remote: git remote add farm ${api.url}/git/OWNER/NAME.git`,
      );
    },
  };
}

/** `…/git/NAME.git` leaves the owner to the farm: the one repository of that name is meant. */
async function completeName(api: ApiClient, name: string): Promise<string | undefined> {
  const { answer } = await api.call("listRepositories", {});
  const found = answer.items.filter((repository) => repository.name === name);
  return found.length === 1 ? found[0]?.full_name : undefined;
}
