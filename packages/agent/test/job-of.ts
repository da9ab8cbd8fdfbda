import type { Plan } from "@windrow/model";
import { parseWorkflow } from "@windrow/workflow";
import { planOf } from "./fake-controller.ts";

/** Everything of a job that stands in its file. */
export function jobOf(text: string): Plan {
  const lines = text.replace(/^\n/, "").split("\n");
  const margin = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  const body = lines.map((line) => `    ${line.slice(margin)}`).join("\n");
  const { definition, diagnostics } = parseWorkflow({
    path: "ci.yml",
    text: `on: push\njobs:\n  build:\n    runs-on: linux\n${body}\n`,
  });
  const job = definition?.jobs[0];
  if (job === undefined) throw new Error(diagnostics.map((one) => `${one.line}: ${one.message}`).join("\n"));
  const { container, services, env, defaults, outputs, steps } = job;
  return planOf(steps, { ...(container !== undefined && { container }), services, env, defaults, outputs });
}
