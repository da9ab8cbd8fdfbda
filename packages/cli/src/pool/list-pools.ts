import type { Pool } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, printLines } from "../output/print.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Style } from "../output/terminal.ts";
import { describeScaling } from "./describe-scaling.ts";

const COLUMNS: readonly TableColumn[] = [
  { title: "POOL" },
  { title: "STATE" },
  { title: "AGENTS", align: "right" },
  { title: "SLOTS", align: "right" },
  { title: "SCALING", dropOrder: 4 },
  { title: "PROVIDER", dropOrder: 3 },
  { title: "PRIORITY", align: "right", dropOrder: 2 },
  { title: "WEIGHT", align: "right", dropOrder: 1 },
  { title: "LABELS", shrinks: true },
];

/** `windrow pool list` */
export async function listPools(context: CommandContext, options: FarmOptions): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("listPools", {});
  if (options.json) return printJson(terminal, json);
  const { columns } = terminal.out;
  await printLines(
    terminal,
    formatTable(
      COLUMNS,
      answer.items.map((pool) => poolRow(pool, terminal.outStyle)),
      {
        ...(columns === undefined ? {} : { columnsMax: columns }),
        styleTitle: (title) => terminal.outStyle("dim", title),
      },
    ),
  );
}

function poolRow(pool: Pool, style: Style): string[] {
  return [
    pool.name,
    pool.paused_at === null ? style("green", "● open") : style("yellow", "◐ paused"),
    String(pool.agents_count),
    `${pool.slots_used}/${pool.slots}`,
    describeScaling(pool.scaling),
    pool.provider?.kind ?? "-",
    String(pool.priority),
    String(pool.weight),
    pool.labels.join(",") || "-",
  ];
}
