import type { QueueEntry } from "@windrow/contract";
import { WAIT_CODES, type WaitCode } from "@windrow/model";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatDuration } from "../output/duration.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { suggest } from "../output/suggest.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Style } from "../output/terminal.ts";
import { requirePool } from "../pool/require-pool.ts";
import { colourOfReason, formatLikelyStart, formatPosition } from "./queue-look.ts";

export interface ListQueueOptions extends FarmOptions {
  readonly pool?: string;
  readonly owner?: string;
  readonly code?: string;
  readonly blocked?: boolean;
  readonly limit: string;
}

const LIMIT_MAX = 200;

/** `windrow queue list` */
export async function listQueue(context: CommandContext, options: ListQueueOptions): Promise<undefined> {
  const { terminal } = context;
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw usageError(`--limit takes a number from 1 to ${LIMIT_MAX}`);
  const { pool, owner, repo: repository } = options;
  const code = readCode(options.code);
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("listQueue", {
    query: { pool, owner, repository, code, limit, ...(options.blocked === true ? { blocked: "true" } : {}) },
  });
  if (answer.items.length === 0) await requirePool(farm.api, pool);
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    const isFiltered = [pool, owner, repository, code].some((value) => value !== undefined);
    say(terminal, isFiltered ? "Nothing that waits matches." : "Nothing waits.");
  } else {
    await printLines(
      terminal,
      formatQueue(answer.items, {
        nowMs: context.clock.nowMs(),
        style: terminal.outStyle,
        columns: terminal.out.columns,
      }),
    );
  }
  if (answer.next_cursor !== null)
    say(terminal, terminal.errStyle("dim", "There are more; see them with a larger --limit, or narrow the list."));
}

function readCode(text: string | undefined): WaitCode | undefined {
  if (text === undefined) return undefined;
  const code = WAIT_CODES.find((one) => one === text.replaceAll("-", "_"));
  if (code !== undefined) return code;
  const near = suggest(text, WAIT_CODES);
  throw usageError(
    `${JSON.stringify(text)} is no reason to wait`,
    near === undefined ? `There are ${WAIT_CODES.join(", ")}` : `Did you mean ${near}?`,
  );
}

const COLUMNS: readonly TableColumn[] = [
  { title: "JOB" },
  { title: "RUN", dropOrder: 3 },
  { title: "REPOSITORY", dropOrder: 1 },
  { title: "NAME" },
  { title: "WAITS", align: "right" },
  { title: "PLACE", align: "right", dropOrder: 4 },
  { title: "START", align: "right", dropOrder: 2 },
  { title: "REASON" },
  { title: "", shrinks: true, widthMin: 30 },
];

/** Aligned lines, one per job. `columns` is the terminal's width, nothing off a terminal. */
export function formatQueue(
  entries: readonly QueueEntry[],
  options: { readonly nowMs: number; readonly style: Style; readonly columns: number | undefined },
): string[] {
  const { style, nowMs } = options;
  const rows = entries.map((entry) => [
    `${entry.job_id}${entry.is_on_top ? "↑" : ""}`,
    `#${entry.run_id}`,
    entry.repository,
    entry.name,
    formatDuration(nowMs - Date.parse(entry.waiting_since)),
    formatPosition(entry),
    formatLikelyStart(entry, nowMs),
    style(colourOfReason(entry.reason), entry.reason?.code ?? "-"),
    entry.reason?.sentence ?? "",
  ]);
  return formatTable(COLUMNS, rows, {
    ...(options.columns === undefined ? {} : { columnsMax: options.columns }),
    styleTitle: (title) => style("dim", title),
  });
}
