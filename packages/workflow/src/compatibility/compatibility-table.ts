import type { Entry } from "./entry.ts";
import { EVENTS, FILTERS } from "./events.ts";
import { CONTEXTS, FUNCTIONS, GITHUB_PROPERTIES, OPERATORS } from "./expressions.ts";
import { KEY_GROUPS } from "./keys.ts";
import { ACTIONS, COMMANDS, FILES, SHELLS } from "./runner.ts";

/** One table of the compatibility page. */
export interface Section {
  readonly title: string;
  /** Head of the first column. */
  readonly of: string;
  readonly entries: readonly Entry[];
}

/** Everything the language has and how far it works here, in the order of the page. */
export const COMPATIBILITY: readonly Section[] = [
  {
    title: "Keys",
    of: "key",
    entries: KEY_GROUPS.flatMap(({ place, keys }) =>
      keys.map((key) => ({ ...key, name: place === "" ? key.name : `${place}: ${key.name}` })),
    ),
  },
  { title: "Events", of: "event", entries: EVENTS },
  { title: "Filters of events", of: "filter", entries: FILTERS },
  { title: "Functions", of: "function", entries: FUNCTIONS },
  { title: "Operators", of: "operator", entries: OPERATORS },
  { title: "Contexts", of: "context", entries: CONTEXTS },
  { title: "Properties of github", of: "property", entries: GITHUB_PROPERTIES },
  { title: "Actions", of: "uses", entries: ACTIONS },
  { title: "Shells", of: "shell", entries: SHELLS },
  { title: "Files of a step", of: "file", entries: FILES },
  { title: "Commands in a step's output", of: "command", entries: COMMANDS },
];
