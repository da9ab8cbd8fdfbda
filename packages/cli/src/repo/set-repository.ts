import { type ROUTES, type RouteBodyIn, readableBySchema } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { countOrNone, wholeNumber } from "../pool/read-numbers.ts";
import { parseFullName } from "./parse-full-name.ts";

export interface SetRepositoryOptions extends FarmOptions {
  readonly defaultBranch?: string;
  readonly jobsMax?: string;
  readonly weight?: string;
  readonly readableBy?: string;
}

type Change = RouteBodyIn<(typeof ROUTES)["changeRepository"]>;

const READERS = {
  own: "no jobs but its own may read it",
  owner: "trusted jobs of its owner's repositories may read it",
  farm: "all jobs of the farm may read it",
} as const;

function readersOf(text: string): keyof typeof READERS {
  const read = readableBySchema.safeParse(text);
  if (read.success) return read.data;
  throw usageError(`--readable-by is '${text}'`, "Give own, owner or farm");
}

/** `windrow repo set` */
export async function setRepository(
  context: CommandContext,
  options: SetRepositoryOptions,
  text: string,
): Promise<undefined> {
  const params = parseFullName(text);
  const { defaultBranch, jobsMax, weight, readableBy } = options;
  const body: Change = {
    ...(defaultBranch === undefined ? {} : { default_branch: defaultBranch }),
    ...(jobsMax === undefined ? {} : { jobs_max: countOrNone("--jobs-max", jobsMax) }),
    ...(weight === undefined ? {} : { weight: wholeNumber("--weight", weight) }),
    ...(readableBy === undefined ? {} : { readable_by: readersOf(readableBy) }),
  };
  if (Object.keys(body).length === 0) {
    throw usageError("nothing is given to change", "Give --default-branch, --jobs-max, --weight or --readable-by");
  }
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("changeRepository", { params, body });
  if (options.json) return printJson(context.terminal, json);
  const said = [
    ...(defaultBranch === undefined ? [] : [`its default branch is ${answer.default_branch}`]),
    ...(jobsMax === undefined
      ? []
      : [answer.jobs_max === null ? "its jobs have no limit" : `at most ${answer.jobs_max} of its jobs run at a time`]),
    ...(weight === undefined ? [] : [`its weight among the repositories of ${answer.owner} is ${answer.weight}`]),
    ...(readableBy === undefined ? [] : [READERS[answer.readable_by]]),
  ];
  say(context.terminal, `${answer.full_name}: ${said.join(", ")}.`);
}
