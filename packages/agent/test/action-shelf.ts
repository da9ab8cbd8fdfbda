import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plan } from "@windrow/model";
import { parseAction, parseWorkflow } from "@windrow/workflow";
import type { ActionPort } from "../src/actions/action-port.ts";

/** Actions in folders of a test, for an agent that opens them by name. */
export class ActionShelf {
  readonly dir: string;
  readonly opened: string[] = [];

  constructor(dir: string) {
    this.dir = dir;
  }

  /** `name` as steps say it, for example `acme/hello@v1` or `acme/tools/deep@v1`. */
  add(name: string, files: { readonly [path: string]: string }): void {
    const [whole = "", ref = ""] = name.split("@");
    const folder = join(this.dir, ref, whole);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
  }

  readonly port: ActionPort = {
    open: async ({ repository, ref, path }) => {
      const name = `${repository}${path === "" ? "" : `/${path}`}`;
      this.opened.push(`${name}@${ref}`);
      const dir = join(this.dir, ref, name);
      try {
        const text = readFileSync(join(dir, "action.yml"), "utf8");
        const { definition, diagnostics } = parseAction({ path: "action.yml", text });
        if (definition === undefined) throw new Error(diagnostics.map((one) => one.message).join("; "));
        return { kind: "opened", dir, definition, sha: "b".repeat(40) };
      } catch (error) {
        return { kind: "problem", why: `${name}@${ref}: ${error instanceof Error ? error.message : ""}` };
      }
    },
    isBuiltIn: () => false,
    prepareBuiltIn: async () => ({ kind: "refused", why: "nothing is built in here" }),
    nodeRuntime: async () => ({ kind: "found", path: process.execPath }),
  };
}

/** Steps as a workflow file has them, indented or not. */
export function stepsOf(text: string): Plan["steps"] {
  const lines = text.replace(/^\n/, "").split("\n");
  const margin = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  const body = lines.map((line) => `      ${line.slice(margin)}`).join("\n");
  const file = `on: push\njobs:\n  build:\n    runs-on: linux\n    steps:\n${body}\n`;
  const { definition, diagnostics } = parseWorkflow({ path: "ci.yml", text: file });
  const steps = definition?.jobs[0]?.steps;
  if (steps === undefined) throw new Error(diagnostics.map((one) => `${one.line}: ${one.message}`).join("\n"));
  return steps;
}
