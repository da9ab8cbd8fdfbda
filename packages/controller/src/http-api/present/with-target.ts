import { isOutdated } from "@windrow/model";
import type { AgentView } from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";

/** An agent beside what the farm hands out. */
export interface ShownAgent extends AgentView {
  readonly target_version: string;
  readonly is_outdated: boolean;
}

/** The bundle is built only where an agent runs from one: for others the release is enough to compare. */
export async function withTarget(
  { installer, version }: Pick<ApiDeps, "installer" | "version">,
  rows: readonly AgentView[],
): Promise<ShownAgent[]> {
  const target = rows.some((row) => row.is_upgradable) ? await installer.targetVersion() : version;
  return rows.map((row) => ({ ...row, target_version: target, is_outdated: isOutdated(row.version, target) }));
}
