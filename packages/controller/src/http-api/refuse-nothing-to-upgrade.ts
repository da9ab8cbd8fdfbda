import { canBegin, isOutdated, Refusal, type UpgradeAgent } from "@windrow/model";

const NAMES_MAX = 10;
const BY_HAND = {
  hint: "update their checkout and start them again; agents installed by /install.sh can be upgraded from here",
};

/** Throws `conflict`, with a sentence for every reason there may be, when no agent could be brought to `version`. */
export function refuseNothingToUpgrade(agents: readonly UpgradeAgent[], version: string): void {
  if (agents.some((agent) => canBegin(agent, version))) return;
  if (agents.length === 0) throw new Refusal("conflict", "the pool has no agent");
  const outdated = agents.filter((agent) => isOutdated(agent.version, version));
  const byHand = outdated.filter((agent) => !agent.isUpgradable);
  if (byHand.length > 0)
    throw new Refusal("conflict", `these agents do not run from a bundle: ${nameSome(byHand)}`, BY_HAND);
  if (outdated.length > 0) throw new Refusal("conflict", `no outdated agent of the pool is connected now`);
  // a checkout tells its release and no build, so that nobody knows whether it is of the same code
  const [release] = version.split("+");
  const fromCheckout = agents.filter((agent) => agent.version === release && agent.version !== version);
  if (fromCheckout.length > 0) {
    const sentence = `these agents are of the release ${release}, but do not run from a bundle: ${nameSome(fromCheckout)}`;
    throw new Refusal("conflict", sentence, BY_HAND);
  }
  throw new Refusal("conflict", `every agent of the pool is ${version} already`);
}

function nameSome(agents: readonly UpgradeAgent[]): string {
  return agents
    .slice(0, NAMES_MAX)
    .map(({ name }) => name)
    .join(", ");
}
