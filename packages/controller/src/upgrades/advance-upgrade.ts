import { decideUpgrade } from "@windrow/model";
import {
  applyUpgrade,
  type ChangedDrain,
  type Database,
  endUpgrade,
  inTransaction,
  lockUpgrade,
  readUpgradeAgents,
  readUpgradeClock,
} from "@windrow/store";

/**
 * One step of a pool's upgrade, in one transaction that holds its row: two controllers at once do nothing twice. Answers whose
 * drain it has changed.
 */
export async function advanceUpgrade(
  db: Database,
  pool: string,
  hasBundle: (version: string) => Promise<boolean>,
): Promise<ChangedDrain[]> {
  return inTransaction(db, async (tx) => {
    const upgrade = await lockUpgrade(tx, pool);
    if (upgrade === undefined) return [];
    const { version: targetVersion, atOnce } = upgrade;
    if (!(await hasBundle(targetVersion))) {
      return endUpgrade(tx, upgrade, {
        state: "halted",
        reason: `the bundle of ${targetVersion} is not there any more`,
      });
    }
    const agents = await readUpgradeAgents(tx, { pool, upgradeId: upgrade.id });
    const { actions, end } = decideUpgrade({ targetVersion, atOnce, agents, nowMs: await readUpgradeClock(tx) });
    const changed = await applyUpgrade(tx, upgrade, actions);
    return end === undefined ? changed : [...changed, ...(await endUpgrade(tx, upgrade, end))];
  });
}
