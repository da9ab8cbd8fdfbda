import type { Token } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatAge, formatDuration } from "../output/duration.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { formatTable, type TableColumn } from "../output/table.ts";

export interface ListTokensOptions extends FarmOptions {
  readonly kind?: Token["kind"];
}

/** `windrow token list` */
export async function listTokens(context: CommandContext, options: ListTokensOptions): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("listTokens", { query: { kind: options.kind } });
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    say(terminal, "No token. Make one with: windrow token create NAME, or for agents: windrow token create --join");
    return;
  }
  const columns: readonly TableColumn[] = [
    { title: "TOKEN" },
    { title: "KIND" },
    { title: "NAME", shrinks: true },
    { title: "FOR", shrinks: true },
    { title: "USES", align: "right" },
    { title: "STATE" },
    { title: "LAST USED", dropOrder: 2 },
    { title: "ID", dropOrder: 1 },
  ];
  const nowMs = context.clock.nowMs();
  const rows = answer.items.map((token) => [
    `${token.prefix}…`,
    token.kind,
    token.name,
    token.kind === "join"
      ? `pool ${token.pool ?? "-"}`
      : `${token.role ?? "-"}${token.owner === null ? "" : ` of ${token.owner}`}`,
    token.uses_max === null ? "-" : `${token.uses_count}/${token.uses_max}`,
    describeState(token, nowMs),
    token.last_used_at === null ? "never" : formatAge(Date.parse(token.last_used_at), nowMs),
    token.id,
  ]);
  const { columns: columnsMax } = terminal.out;
  await printLines(
    terminal,
    formatTable(columns, rows, {
      ...(columnsMax === undefined ? {} : { columnsMax }),
      styleTitle: (title) => terminal.outStyle("dim", title),
    }),
  );
}

/** `valid`, `valid 12h00m`, `used up`, `expired`, `revoked` */
export function describeState(token: Token, nowMs: number): string {
  if (token.revoked_at !== null) return "revoked";
  const leftMs = token.expires_at === null ? undefined : Date.parse(token.expires_at) - nowMs;
  if (leftMs !== undefined && leftMs <= 0) return "expired";
  if (token.uses_max !== null && token.uses_count >= token.uses_max) return "used up";
  return leftMs === undefined ? "valid" : `valid ${formatDuration(leftMs)}`;
}
