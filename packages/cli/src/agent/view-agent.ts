import type { Agent } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatAge } from "../output/duration.ts";
import { type Fact, formatFacts } from "../output/facts.ts";
import { printJson, printLines } from "../output/print.ts";
import type { Style } from "../output/terminal.ts";
import { lookOfAgent } from "./agent-look.ts";
import { describeVersion } from "./describe-version.ts";

/** `windrow agent view` */
export async function viewAgent(context: CommandContext, options: FarmOptions, name: string): Promise<undefined> {
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("viewAgent", { params: { agent: name } });
  if (options.json) await printJson(context.terminal, json);
  else
    await printLines(
      context.terminal,
      formatAgent(answer, {
        nowMs: context.clock.nowMs(),
        style: context.terminal.outStyle,
        columns: context.terminal.out.columns,
      }),
    );
}

/** Labels that it has from its pool and by aliases. */
function gained(agent: Agent): string[] {
  const own = new Set(agent.labels.map((label) => label.toLowerCase()));
  return agent.effective_labels.filter((label) => !own.has(label));
}

function describeWay(agent: Agent): string {
  const way = agent.is_upgradable ? `windrow pool upgrade ${agent.pool}` : "by hand, it does not run from a bundle";
  return `to ${agent.target_version}: ${way}`;
}

/** Only when something is wrong with it: it renews itself long before its end. */
function describeCertificate({ certificate_expires_at: endsAt, state }: Agent, nowMs: number): string | null {
  if (state === "removed") return null;
  if (endsAt === null) return "none: of an earlier version, it must join again";
  return Date.parse(endsAt) > nowMs ? null : `ended ${formatAge(Date.parse(endsAt), nowMs)}`;
}

/** An agent as text. */
export function formatAgent(
  agent: Agent,
  options: { readonly nowMs: number; readonly style: Style; readonly columns: number | undefined },
): string[] {
  const { style, nowMs, columns } = options;
  const look = lookOfAgent(agent);
  const age = (time: string | null) => (time === null ? "never" : formatAge(Date.parse(time), nowMs));
  const facts: Fact[] = [
    ["pool", agent.pool],
    ["slots", `${agent.slots_used} of ${agent.slots} taken`],
    ["labels", agent.labels.join(", ") || "none"],
    ["by pool", gained(agent).join(", ") || null],
    ["tools", agent.toolchains.map(({ name, version }) => `${name} ${version}`).join(", ") || null],
    ["host", agent.hostname],
    ["version", `${describeVersion(agent)}, protocol ${agent.protocol_version}`],
    ["upgrade", agent.is_outdated ? describeWay(agent) : null],
    ["drained", agent.drain_reason],
    [
      "disabled",
      agent.disabled_at === null ? null : `${agent.disabled_reason ?? ""} (windrow agent resume enables it)`,
    ],
    ["unfit", agent.unfit_reason === null ? null : `takes no job: ${agent.unfit_reason}`],
    ["credential", describeCertificate(agent, nowMs)],
    ["joined", age(agent.created_at)],
    ["connected", age(agent.connected_at)],
    ["stopped", agent.stopped_at === null ? null : age(agent.stopped_at)],
    ["last seen", age(agent.last_seen_at)],
    ["id", agent.id],
  ];
  return [
    `${style(look.colour, look.icon)} ${style("bold", agent.name)} · ${style(look.colour, look.word)}`,
    "",
    ...formatFacts(facts, { nameColumns: 10, style, columns }),
    "",
    ...(agent.jobs.length === 0
      ? ["It holds no job."]
      : agent.jobs.map((job) => `${job.state.padEnd(8)}  #${job.run_id}  ${job.repository}  ${job.name}`)),
  ];
}
