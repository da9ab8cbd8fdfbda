import type { AgentProcess, Farm } from "./farm.ts";
import { Marker } from "./marker.ts";
import { pushWorkflow } from "./push-and-run.ts";
import { waitFor } from "./wait-for.ts";

export interface BegunJob {
  readonly runId: number;
  readonly marker: Marker;
  /** Who has its first attempt. */
  readonly agent: AgentProcess;
}

/** Opening this gate of the marker lets a first attempt end. */
export const GO = "go";

/**
 * Pushes a workflow of one job and waits until its step has begun, which is what the experiments on loss start from. Every
 * attempt leaves a mark and the line `attempt N` in its log. What the step does then is the caller's `script`; without
 * one, the first attempt waits for the gate `go`, and later ones end at once.
 */
export async function beginJob(
  farm: Farm,
  options: {
    readonly script?: string;
    readonly marker?: Marker;
    /** Whole steps, as lines of the workflow file. */
    readonly before?: string;
    readonly after?: string;
  } = {},
): Promise<BegunJob> {
  const marker = options.marker ?? new Marker();
  const script = options.script ?? `[ "$WINDROW_ATTEMPT" != 1 ] || ${marker.waitLine(GO)}`;
  const lines = [
    marker.line,
    'echo "attempt $WINDROW_ATTEMPT"',
    marker.openLine("begun"),
    ...script.trim().split("\n"),
  ];
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  only:
    runs-on: linux
    steps:
${options.before ?? ""}      - run: |
${lines.map((line) => `          ${line}\n`).join("")}${options.after ?? ""}`,
  );
  await waitFor("the step to have begun", () => marker.isOpen("begun"), { describe: () => farm.jobs(runId) });
  const [first] = await farm.attempts(runId);
  return { runId, marker, agent: farm.agent(first?.agent ?? "") };
}
