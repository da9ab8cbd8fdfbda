import type { Transition } from "@windrow/model";
import { sql } from "kysely";

/** Renders the states a transition may start from, for `state in (…)`. */
export function fromStates(transition: Transition<string>) {
  return sql.join(transition.from.map((state) => sql.lit(state)));
}

/** Renders the state a transition leads to. */
export function toState(transition: Transition<string>) {
  return sql.lit(transition.to);
}
