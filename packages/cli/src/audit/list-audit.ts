import { type AuditEntryJson, LIST_LIMIT_MAX } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import { describeChange } from "./describe-change.ts";

export interface ListAuditOptions extends FarmOptions {
  readonly subject?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly limit?: string;
  readonly cursor?: string;
}

const COLUMNS: readonly TableColumn[] = [
  { title: "AT" },
  { title: "ACTOR", shrinks: true },
  { title: "ACTION" },
  { title: "SUBJECT", shrinks: true, widthMin: 14 },
  { title: "FROM", dropOrder: 1 },
  { title: "CHANGE", shrinks: true },
];

/** `windrow audit list` */
export async function listAudit(context: CommandContext, options: ListAuditOptions): Promise<undefined> {
  const { terminal } = context;
  const { subject, actor, action, cursor } = options;
  const farm = await openFarm(context, options);
  const query = { subject, actor, action, cursor, limit: readLimit(options.limit) };
  const { answer, json } = await farm.api.call("listAudit", { query });
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    say(terminal, "No change that matches was recorded.");
    return;
  }
  const { columns } = terminal.out;
  await printLines(
    terminal,
    formatTable(COLUMNS, answer.items.map(auditRow), {
      ...(columns === undefined ? {} : { columnsMax: columns }),
      styleTitle: (title) => terminal.outStyle("dim", title),
    }),
  );
  if (answer.next_cursor !== null) say(terminal, `There are older ones: add --cursor ${answer.next_cursor}`);
}

function auditRow(entry: AuditEntryJson): string[] {
  const at = `${entry.at.slice(0, 10)} ${entry.at.slice(11, 19)}Z`;
  const cells = [at, entry.actor, entry.action, entry.subject, entry.ip ?? "-", describeChange(entry)];
  // values are what people wrote: a row is one line, and moves nothing
  return cells.map((cell) => cell.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " "));
}

function readLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIST_LIMIT_MAX) return limit;
  throw usageError(`--limit takes a number from 1 to ${LIST_LIMIT_MAX}`);
}
