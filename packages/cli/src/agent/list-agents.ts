import type { Agent } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatAge } from "../output/duration.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Style } from "../output/terminal.ts";
import { requirePool } from "../pool/require-pool.ts";
import { lookOfAgent } from "./agent-look.ts";
import { describeVersion } from "./describe-version.ts";

export interface ListAgentsOptions extends FarmOptions {
  readonly pool?: string;
  readonly state?: Agent["state"];
}

const COLUMNS: readonly TableColumn[] = [
  { title: "AGENT" },
  { title: "STATE" },
  { title: "POOL" },
  { title: "SLOTS", align: "right" },
  { title: "HOST", dropOrder: 2 },
  { title: "VERSION", dropOrder: 1 },
  { title: "SEEN", dropOrder: 3 },
  { title: "LABELS", shrinks: true },
];

/** `windrow agent list` */
export async function listAgents(context: CommandContext, options: ListAgentsOptions): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const { pool, state } = options;
  const { answer, json } = await farm.api.call("listAgents", { query: { pool, state } });
  if (answer.items.length === 0) await requirePool(farm.api, pool);
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    say(terminal, pool === undefined && state === undefined ? "No agent yet." : "No agent matches.");
    const join = `windrow token create --join${pool === undefined ? "" : ` --pool ${pool}`}`;
    say(terminal, `Make a join token; it is told with the line for the machine that is to work: ${join}`);
    return;
  }
  await printLines(
    terminal,
    formatAgents(answer.items, {
      nowMs: context.clock.nowMs(),
      style: terminal.outStyle,
      columns: terminal.out.columns,
    }),
  );
}

/** Without those that say versions: `agent view` has them all. */
function shownLabels({ labels, toolchains }: Agent): readonly string[] {
  return labels.filter(
    (label) =>
      !toolchains.some(({ name }) => label.startsWith(`${name}-`) && /^[\d.]+$/.test(label.slice(name.length + 1))),
  );
}

/** Aligned lines, one per agent. `columns` is the terminal's width, nothing off a terminal. */
export function formatAgents(
  agents: readonly Agent[],
  options: { readonly nowMs: number; readonly style: Style; readonly columns: number | undefined },
): string[] {
  const { style } = options;
  const rows = agents.map((agent) => {
    const look = lookOfAgent(agent);
    return [
      agent.name,
      style(look.colour, `${look.icon} ${look.word}`),
      agent.pool,
      `${agent.slots_used}/${agent.slots}`,
      agent.hostname,
      describeVersion(agent),
      agent.last_seen_at === null ? "never" : formatAge(Date.parse(agent.last_seen_at), options.nowMs),
      shownLabels(agent).join(","),
    ];
  });
  const table = formatTable(COLUMNS, rows, {
    ...(options.columns === undefined ? {} : { columnsMax: options.columns }),
    styleTitle: (title) => style("dim", title),
  });
  const unfit = agents.flatMap((agent) =>
    lookOfAgent(agent).word === "unfit" ? [`${agent.name} takes no job: ${agent.unfit_reason}`] : [],
  );
  return unfit.length === 0 ? table : [...table, "", ...unfit];
}
