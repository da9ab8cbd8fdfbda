import type { Upgrade } from "@windrow/contract";
import { type Fact, formatFacts } from "../output/facts.ts";
import type { Style } from "../output/terminal.ts";

type Step = Upgrade["agents"][number];

/** One agent's part in a sentence. */
export function describeStep(step: Step): string {
  switch (step.state) {
    case "draining":
      return `${step.name} takes nothing new and ends its jobs`;
    case "upgrading":
      return `${step.name} fetches the new version`;
    case "upgraded":
      return `${step.name} is back with ${step.version}, it was ${step.from_version}`;
    case "skipped":
      return `${step.name} was left out: ${step.problem ?? "no reason is kept"}`;
    case "failed":
      return `${step.name} failed: ${step.problem ?? "no reason is kept"}`;
  }
}

/** The upgrade as a whole, in a sentence. */
export function describeUpgrade(upgrade: Upgrade): string {
  const count = upgrade.agents.filter((step) => step.state === "upgraded").length;
  const done = `${count} ${count === 1 ? "agent" : "agents"} upgraded to ${upgrade.version}`;
  switch (upgrade.state) {
    case "running": {
      const left = upgrade.left.filter(({ why }) => why === "waiting").length;
      return `to ${upgrade.version}, ${upgrade.at_once} at once: ${count} done, ${upgrade.agents.length - count} under way, ${left} to go`;
    }
    case "finished":
      return done;
    case "halted":
      return `halted, ${done}: ${upgrade.reason}`;
    case "aborted":
      return `${upgrade.reason}, ${done}`;
  }
}

/** Agents that the upgrade will not reach by itself. */
export function describeLeft(upgrade: Upgrade): string[] {
  return upgrade.left.flatMap(({ name, version, why }) => {
    if (why === "not_upgradable") return [`${name} (${version}) does not run from a bundle: update it by hand`];
    return why === "away" ? [`${name} (${version}) is away now`] : [];
  });
}

/** For `windrow pool view`; nothing once it is over and went well. */
export function formatUpgrade(
  upgrade: Upgrade,
  { style, columns }: { readonly style: Style; readonly columns: number | undefined },
): string[] {
  if (upgrade.state === "finished") return [];
  const steps = upgrade.agents.filter((step) => upgrade.state === "running" || step.state === "failed");
  const lines = [...steps.map(describeStep), ...describeLeft(upgrade)];
  const facts: Fact[] = [["upgrade", describeUpgrade(upgrade)], ...lines.map((line): Fact => ["", line])];
  return formatFacts(facts, { nameColumns: 9, style, columns });
}
