import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { formatTable } from "../output/table.ts";

/** `windrow repo owner list` */
export async function listOwners(context: CommandContext, options: FarmOptions): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("listOwners", {});
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    say(terminal, "No owner yet. An owner is there with its first repository.");
    return;
  }
  const columns = [
    { title: "OWNER" },
    { title: "WEIGHT", align: "right" },
    { title: "REPOSITORIES", align: "right" },
  ] as const;
  const rows = answer.items.map((owner) => [owner.name, String(owner.weight), String(owner.repositories_count)]);
  await printLines(terminal, formatTable(columns, rows, { styleTitle: (title) => terminal.outStyle("dim", title) }));
}
