import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatAge } from "../output/duration.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import { describeLevel, type LevelOptions, variableLevel } from "./variable-level.ts";

export interface ListVariablesOptions extends Omit<FarmOptions, "repo">, LevelOptions {
  readonly effective?: boolean;
}

const COLUMNS: readonly TableColumn[] = [
  { title: "NAME" },
  { title: "OF" },
  { title: "SET", dropOrder: 1 },
  { title: "BY", dropOrder: 2 },
  { title: "VALUE", shrinks: true },
];

/** `windrow variable list` */
export async function listVariables(context: CommandContext, options: ListVariablesOptions): Promise<undefined> {
  const { terminal, clock } = context;
  const level = variableLevel(options);
  if (options.effective && level.repository === undefined) {
    throw usageError("--effective needs a repository", "For example: windrow variable list -R me/my-app --effective");
  }
  const farm = await openFarm(context, options);
  const effective = options.effective ? { effective: "true" as const } : {};
  const { answer, json } = await farm.api.call("listVariables", { query: { ...level, ...effective } });
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    say(terminal, `No variable of ${describeLevel(level)}. Set one with: windrow variable set NAME VALUE`);
    return;
  }
  const rows = answer.items.map((one) => [
    one.name,
    describeLevel(one),
    formatAge(Date.parse(one.updated_at), clock.nowMs()),
    one.updated_by,
    oneLine(one.value),
  ]);
  const { columns } = terminal.out;
  const table = formatTable(COLUMNS, rows, {
    ...(columns !== undefined && { columnsMax: columns }),
    styleTitle: (title) => terminal.outStyle("dim", title),
  });
  await printLines(terminal, table);
}

/** A value may hold anything; a row is one line, and moves nothing. */
function oneLine(value: string): string {
  return value.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}
