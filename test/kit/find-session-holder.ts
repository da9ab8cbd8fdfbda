import type { Farm } from "./farm.ts";
import { waitFor } from "./wait-for.ts";

/** The number of the controller that holds the session of the farm's (first) agent. */
export async function findSessionHolder(farm: Farm): Promise<number> {
  const agent = await waitFor("the agent to have a session", () =>
    farm.db
      .selectFrom("agents")
      .select("session_controller")
      .where("session_controller", "is not", null)
      .executeTakeFirst(),
  );
  const lines = await Promise.all(farm.controllers.map((controller) => controller.child.line("ready")));
  const no = lines.findIndex((line) => line.controller_id === agent.session_controller);
  if (no < 0) throw new Error(`no controller is ${agent.session_controller}`);
  return no;
}
