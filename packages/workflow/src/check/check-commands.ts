import { isBasicExpression, isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";

interface Command {
  readonly file: string;
  readonly isRefused: boolean;
}

/** Commands that environment files have replaced. */
const REPLACED: ReadonlyMap<string, Command> = new Map([
  ["set-output", { file: "GITHUB_OUTPUT", isRefused: false }],
  ["save-state", { file: "GITHUB_STATE", isRefused: false }],
  ["set-env", { file: "GITHUB_ENV", isRefused: true }],
  ["add-path", { file: "GITHUB_PATH", isRefused: true }],
]);

/** Warns of commands in a script that have no effect any more, or should not be written any more. */
export function checkCommands(script: TemplateToken, at: Position, diagnostics: Diagnostics): void {
  const text = isString(script) ? script.value : isBasicExpression(script) ? script.source : undefined;
  const named = new Set(
    [...(text ?? "").matchAll(/::(set-output|save-state|set-env|add-path)\b/g)].map(([, one]) => one),
  );
  for (const name of named) {
    const command = REPLACED.get(name ?? "");
    if (command === undefined) continue;
    const value = name === "add-path" ? "path" : "name=value";
    diagnostics.warning(at, {
      code: "deprecated-command",
      message: `the command '${name}' ${command.isRefused ? "is refused" : "is deprecated"}`,
      hint: `write to the file instead: echo "${value}" >> "$${command.file}"`,
    });
  }
}
