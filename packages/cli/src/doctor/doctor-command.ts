import type { Check } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printJson, printLines } from "../output/print.ts";
import type { Style, StyleName } from "../output/terminal.ts";
import { checkFarm } from "./check-farm.ts";
import { checkMachine } from "./check-machine.ts";

/** `windrow doctor` */
export async function doctorCommand(context: CommandContext, options: FarmOptions): Promise<ExitCode> {
  const checks = [...(await checkMachine(context)), ...(await checkFarm(context, options))];
  if (options.json) await printJson(context.terminal, { checks });
  else await printLines(context.terminal, formatChecks(checks, context.terminal.outStyle));
  return checks.some((check) => check.state === "failed") ? EXIT.failed : EXIT.ok;
}

const LOOKS: Record<Check["state"], { icon: string; word: string; colour: StyleName }> = {
  ok: { icon: "✓", word: "ok", colour: "green" },
  warning: { icon: "!", word: "warning", colour: "yellow" },
  failed: { icon: "✗", word: "failed", colour: "red" },
};

/** One line per check, what to do below those that are not ok, and the sum. */
export function formatChecks(checks: readonly Check[], style: Style): string[] {
  const nameColumns = Math.max(...checks.map((check) => check.name.length));
  const lines = checks.flatMap((check) => {
    const { icon, word, colour } = LOOKS[check.state];
    const line = `${style(colour, `${icon} ${word.padEnd(7)}`)}  ${check.name.padEnd(nameColumns)}  ${check.detail}`;
    return check.state === "ok" || check.hint === undefined
      ? [line]
      : [line, `${" ".repeat(nameColumns + 13)}${style("cyan", "do:")} ${check.hint}`];
  });
  const count = (state: Check["state"]) => checks.filter((check) => check.state === state).length;
  const sum = `${count("ok")} ok, ${count("warning")} to look at, ${count("failed")} failed`;
  return [...lines, "", style(count("failed") > 0 ? "red" : "green", sum)];
}
