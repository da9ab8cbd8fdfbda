import type { Pool } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { type OpenedFarm, openFarm } from "../commands/open-farm.ts";
import { formatDuration } from "../output/duration.ts";
import { printJson, say } from "../output/print.ts";
import { type PolicyOptions, readPolicy } from "./read-policy.ts";
import { type ProviderOptions, readProvider } from "./read-provider.ts";

export interface ScalePoolOptions extends FarmOptions, PolicyOptions, ProviderOptions {
  readonly off?: boolean;
}

/** `windrow pool scale`: how many agents a pool is to have, and who makes them. */
export async function scalePool(context: CommandContext, options: ScalePoolOptions, name = ""): Promise<undefined> {
  const { terminal } = context;
  const scaling = readPolicy(options);
  const isChange = Object.keys(scaling).length > 0;
  if (options.off && isChange) throw usageError("--off takes no policy");
  if (!options.off && !isChange && options.provider === undefined) {
    throw usageError("nothing is given to change", "For example: windrow pool scale python --min 0 --max 8");
  }
  const farm = await openFarm(context, options);
  const provider = readProvider(await completeProvider(farm, options));
  const body = {
    ...(options.off ? { scaling: null } : isChange ? { scaling } : {}),
    ...(provider === undefined ? {} : { provider }),
  };
  const { answer, json } = await farm.api.call("changePool", { params: { pool: name }, body });
  if (options.json) return printJson(terminal, json);
  for (const line of describe(answer)) say(terminal, line);
}

/** Where one controller is the farm, agents that are processes run there. */
async function completeProvider(farm: OpenedFarm, options: ScalePoolOptions): Promise<ProviderOptions> {
  if (options.provider !== "process" || options.host !== undefined) return options;
  const { answer } = await farm.api.call("viewFarm", {});
  const hosts = [...new Set(answer.controllers.filter((one) => one.answering).map((one) => one.hostname))];
  const [host] = hosts;
  if (host !== undefined && hosts.length === 1) return { ...options, host };
  throw usageError(
    "--provider process needs --host: which machine is to run the agents?",
    `There are: ${hosts.join(", ")}`,
  );
}

function describe({ name, scaling, provider }: Pool): string[] {
  if (scaling === null) return [`The pool ${name} is not scaled any more; the agents it has stay.`];
  const { min, max, warm_min: warm, target_percent: percent } = scaling;
  const target = `${percent} % of its jobs to start within ${formatDuration(scaling.target_wait_ms)}`;
  return [
    `The pool ${name} has ${min} to ${max} agents${warm > 0 ? `, ${warm} of them idle and ready` : ""}, for ${target}.`,
    ...(provider === null
      ? ["Nobody makes agents for it yet:", `  windrow pool scale ${name} --provider process`]
      : [`See what it decides with: windrow pool view ${name}`]),
  ];
}
