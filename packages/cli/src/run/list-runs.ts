import type { RunSummary } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { elapsed, lookOfRun } from "../live/job-words.ts";
import { formatAge } from "../output/duration.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Style } from "../output/terminal.ts";

export interface ListRunsOptions extends FarmOptions {
  readonly branch?: string;
  readonly workflow?: string;
  readonly state?: RunSummary["state"];
  readonly conclusion?: NonNullable<RunSummary["conclusion"]>;
  readonly limit: string;
  readonly all?: boolean;
}

const LIMIT_MAX = 200;

/** `windrow run list` */
export async function listRuns(context: CommandContext, options: ListRunsOptions): Promise<undefined> {
  const { terminal } = context;
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw usageError(`--limit takes a number from 1 to ${LIMIT_MAX}`);
  const farm = await openFarm(context, options);
  const repository = options.all === true ? undefined : await farm.findRepository();
  const { branch, workflow, state, conclusion } = options;
  const { answer, json } = await farm.api.call("listRuns", {
    query: { repository, branch, workflow, state, conclusion, limit },
  });
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    const isFiltered = [branch, workflow, state, conclusion].some((value) => value !== undefined);
    say(terminal, `No run${repository === undefined ? "" : ` of ${repository}`}${isFiltered ? " matches" : " yet"}.`);
    if (!isFiltered) say(terminal, "Push a commit, or build your working tree as it is with: windrow try");
    return;
  }
  await printLines(
    terminal,
    formatRuns(answer.items, { nowMs: context.clock.nowMs(), style: terminal.outStyle, columns: terminal.out.columns }),
  );
  if (answer.next_cursor !== null)
    say(terminal, terminal.errStyle("dim", "There are more; see them with a larger --limit."));
}

const COLUMNS: readonly TableColumn[] = [
  { title: "RUN" },
  { title: "STATE" },
  { title: "REPOSITORY", dropOrder: 2 },
  { title: "WORKFLOW", dropOrder: 3 },
  { title: "REF" },
  { title: "TITLE", shrinks: true },
  { title: "TIME", align: "right", dropOrder: 1 },
  { title: "CREATED", dropOrder: 4 },
];

/** Aligned lines, one per run. `columns` is the terminal's width, nothing off a terminal. */
export function formatRuns(
  runs: readonly RunSummary[],
  options: { readonly nowMs: number; readonly style: Style; readonly columns: number | undefined },
): string[] {
  const { style } = options;
  const rows = runs.map((run) => {
    const look = lookOfRun(run);
    return [
      `#${run.id}`,
      style(look.colour, `${look.icon} ${look.word}`),
      run.repository,
      run.workflow_name,
      run.scope === "try" ? `${run.branch ?? "-"} (try)` : (run.branch ?? run.ref.replace(/^refs\/(heads|tags)\//, "")),
      run.title.split("\n", 1)[0] ?? "",
      elapsed(run, options.nowMs),
      formatAge(Date.parse(run.created_at), options.nowMs),
    ];
  });
  return formatTable(COLUMNS, rows, {
    ...(options.columns === undefined ? {} : { columnsMax: options.columns }),
    styleTitle: (title) => style("dim", title),
  });
}
