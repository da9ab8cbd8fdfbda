import { readFile } from "node:fs/promises";
import type { ROUTES, RouteBodyIn } from "@windrow/contract";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { readStdin } from "../variable/set-variable.ts";
import { type JobSettingsOptions, readJobSettings } from "./read-job-settings.ts";
import { countOrNone, duration, wholeNumber } from "./read-numbers.ts";
import { type ProviderOptions, readProvider } from "./read-provider.ts";

export interface SetPoolOptions extends FarmOptions, ProviderOptions, JobSettingsOptions {
  readonly description?: string;
  readonly labels?: string;
  readonly slots?: string;
  readonly priority?: string;
  readonly weight?: string;
  readonly jobsMax?: string;
  readonly untrusted?: boolean;
  readonly suspectAfter?: string;
  readonly lostAfter?: string;
  readonly file?: string;
}

type PoolChange = RouteBodyIn<(typeof ROUTES)["changePool"]>;

/** `windrow pool set`: changes what is given; a pool that is not there is made. */
export async function setPool(context: CommandContext, options: SetPoolOptions, name = ""): Promise<undefined> {
  const { terminal } = context;
  const body = { ...(await readFields(options.file)), ...poolChange(options) };
  const farm = await openFarm(context, options);
  const params = { pool: name };
  try {
    if (Object.keys(body).length > 0) {
      const { answer, json } = await farm.api.call("changePool", { params, body });
      if (options.json) return printJson(terminal, json);
      say(terminal, `The pool ${answer.name} is changed. See it with: windrow pool view ${answer.name}`);
      return;
    }
    await farm.api.call("viewPool", { params });
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== "not_found") throw error;
    const { answer, json } = await farm.api.call("putPool", { params, body });
    if (options.json) return printJson(terminal, json);
    say(terminal, `The pool ${answer.name} is there now. Agents join it with a token of:`);
    say(terminal, `  windrow token create --join --pool ${answer.name}`);
    return;
  }
  throw usageError(`there is a pool ${name} already, and nothing is given to change`, "See: windrow pool set --help");
}

/** Options → what the API is asked to change. Errors: CliError `usage`. */
export function poolChange(options: SetPoolOptions): PoolChange {
  const provider = readProvider(options);
  const jobSettings = readJobSettings(options);
  return {
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.labels === undefined ? {} : { labels: splitLabels(options.labels) }),
    ...(options.slots === undefined ? {} : { slots_per_agent: countOrNone("--slots", options.slots) }),
    ...(options.priority === undefined ? {} : { priority: wholeNumber("--priority", options.priority) }),
    ...(options.weight === undefined ? {} : { weight: wholeNumber("--weight", options.weight) }),
    ...(options.jobsMax === undefined ? {} : { jobs_max: countOrNone("--jobs-max", options.jobsMax) }),
    ...(options.untrusted === undefined ? {} : { untrusted_allowed: options.untrusted }),
    ...(options.suspectAfter === undefined
      ? {}
      : { suspect_after_ms: duration("--suspect-after", options.suspectAfter) }),
    ...(options.lostAfter === undefined ? {} : { lost_after_ms: duration("--lost-after", options.lostAfter) }),
    ...(provider === undefined ? {} : { provider }),
    ...(jobSettings === undefined ? {} : { job_settings: jobSettings }),
  };
}

function splitLabels(text: string): string[] {
  return text
    .split(",")
    .map((label) => label.trim())
    .filter((label) => label !== "");
}

/** The farm checks what the fields are; here only that they are fields. */
async function readFields(file: string | undefined): Promise<PoolChange> {
  if (file === undefined) return {};
  const text = file === "-" ? await readStdin(process.stdin) : await readWhole(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(`${file === "-" ? "stdin" : file} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw usageError(`${file === "-" ? "stdin" : file} holds no JSON object`);
  }
  return value;
}

async function readWhole(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw usageError(`the file ${file} cannot be read (${code})`);
  }
}
