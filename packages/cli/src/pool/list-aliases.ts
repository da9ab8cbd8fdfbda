import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatAge } from "../output/duration.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { formatTable } from "../output/table.ts";

/** `windrow pool alias list` */
export async function listAliases(context: CommandContext, options: FarmOptions): Promise<undefined> {
  const { terminal, clock } = context;
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("listLabelAliases", {});
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    say(terminal, "No label alias. Set one with: windrow pool alias set ubuntu-latest linux");
    return;
  }
  const columns = [
    { title: "ALIAS" },
    { title: "STANDS FOR" },
    { title: "AGENTS", align: "right" },
    { title: "SET" },
    { title: "BY" },
  ] as const;
  const rows = answer.items.map((one) => [
    one.alias,
    one.labels.join(", "),
    String(one.agents_count),
    formatAge(Date.parse(one.created_at), clock.nowMs()),
    one.created_by,
  ]);
  await printLines(terminal, formatTable(columns, rows, { styleTitle: (title) => terminal.outStyle("dim", title) }));
}
