import type { Agent } from "@windrow/contract";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { type OpenedFarm, openFarm } from "../commands/open-farm.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { parseDuration } from "../output/duration.ts";
import { printJson, say } from "../output/print.ts";

export interface DrainOptions extends FarmOptions {
  readonly reason?: string;
  readonly detach?: boolean;
  readonly deadline?: string;
}

const ASK_EVERY_MS = 1000;

/** `windrow agent drain`: marks the agent, then waits until it holds nothing. Ctrl-C ends the waiting, not the draining. */
export async function drainAgent(context: CommandContext, options: DrainOptions, name: string): Promise<ExitCode> {
  const { terminal } = context;
  const deadlineMs = options.deadline === undefined ? undefined : parseDuration(options.deadline);
  if (options.deadline !== undefined && deadlineMs === undefined)
    throw usageError("--deadline takes a duration", "For example: --deadline 30m");
  const farm = await openFarm(context, options);
  const body = options.reason === undefined ? {} : { reason: options.reason };
  const drained = await farm.api.call("drainAgent", { params: { agent: name }, body });
  if (options.detach) {
    if (options.json) await printJson(terminal, drained.json);
    else say(terminal, `${drained.answer.name} takes nothing new; it holds ${describeHeld(drained.answer)}.`);
    return EXIT.ok;
  }
  return waitUntilEmpty({ context, options, farm, first: drained, deadlineMs });
}

async function waitUntilEmpty(input: {
  readonly context: CommandContext;
  readonly options: DrainOptions;
  readonly farm: OpenedFarm;
  readonly first: { readonly answer: Agent; readonly json: unknown };
  readonly deadlineMs: number | undefined;
}): Promise<ExitCode> {
  const { context, farm, deadlineMs } = input;
  const { terminal, clock } = context;
  const startedAtMs = clock.monotonicMs();
  let { answer: agent, json } = input.first;
  let said = "";
  const isEmpty = await context.withInterrupt(async (signal) => {
    while (agent.slots_used > 0 && !signal.aborted) {
      const held = describeHeld(agent);
      if (held !== said) say(terminal, `${agent.name} still holds ${held} …`);
      said = held;
      if (deadlineMs !== undefined && clock.monotonicMs() - startedAtMs > deadlineMs) {
        throw new CliError(`${agent.name} still holds ${held} after ${input.options.deadline}`, {
          code: "timed_out",
          exitCode: EXIT.timedOut,
          hint: `It goes on draining. End its jobs with \`windrow run cancel\`, or take it away with: windrow agent remove ${agent.name}`,
        });
      }
      await clock.sleep(ASK_EVERY_MS, signal);
      ({ answer: agent, json } = await farm.api.call("viewAgent", { params: { agent: agent.id } }));
    }
    return agent.slots_used === 0;
  });
  if (!isEmpty) {
    say(terminal, `${agent.name} goes on draining; let it work again with: windrow agent resume ${agent.name}`);
    return EXIT.interrupted;
  }
  if (input.options.json) await printJson(terminal, json);
  else say(terminal, `${agent.name} is drained and empty; let it work again with: windrow agent resume ${agent.name}`);
  return EXIT.ok;
}

function describeHeld(agent: Agent): string {
  if (agent.slots_used === 0) return "nothing";
  const names = agent.jobs.map((job) => `#${job.run_id} ${job.name}`).join(", ");
  return `${agent.slots_used} job${agent.slots_used === 1 ? "" : "s"}${names === "" ? "" : ` (${names})`}`;
}
