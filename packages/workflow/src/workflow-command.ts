/** A place in a file that an annotation points to. */
export interface AnnotationPlace {
  readonly file?: string;
  readonly line?: number;
  readonly endLine?: number;
  readonly column?: number;
  readonly endColumn?: number;
  readonly title?: string;
}

export type WorkflowCommand =
  | { readonly kind: "error" | "warning" | "notice"; readonly message: string; readonly place: AnnotationPlace }
  | { readonly kind: "group"; readonly title: string }
  | { readonly kind: "endgroup" }
  | { readonly kind: "debug"; readonly message: string }
  | { readonly kind: "add-mask"; readonly value: string }
  /** From here on nothing is a command until `::token::`. */
  | { readonly kind: "stop-commands"; readonly token: string }
  | { readonly kind: "resume-commands" }
  | { readonly kind: "echo"; readonly on: boolean }
  | { readonly kind: "set-output" | "save-state"; readonly name: string; readonly value: string }
  /** Variables and paths set through output that others may have written: only where a step allows it. */
  | { readonly kind: "set-env"; readonly name: string; readonly value: string }
  | { readonly kind: "add-path"; readonly value: string }
  /** The file with problem matchers that hold from here on, for the rest of the job. */
  | { readonly kind: "add-matcher"; readonly path: string }
  | { readonly kind: "remove-matcher"; readonly owner?: string; readonly path?: string }
  /** A command that means nothing as it stands; the sentence says why. */
  | { readonly kind: "refused"; readonly message: string };

/**
 * Reads one line of a step's output as a command (`::name key=value::data`); `undefined` for plain output, and for
 * everything but `::token::` while commands are stopped with that token.
 */
export function parseWorkflowCommand(line: string, stopToken?: string): WorkflowCommand | undefined {
  const trimmed = line.trimStart();
  if (!trimmed.startsWith("::")) return undefined;
  const end = trimmed.indexOf("::", 2);
  if (end < 0) return undefined;
  const head = trimmed.slice(2, end);
  if (stopToken !== undefined) return head === stopToken ? { kind: "resume-commands" } : undefined;
  const data = unescapeData(trimmed.slice(end + 2).replace(/\r?\n$/, ""));
  const blank = head.indexOf(" ");
  const name = (blank < 0 ? head : head.slice(0, blank)).toLowerCase();
  const properties = blank < 0 ? new Map<string, string>() : parseProperties(head.slice(blank + 1));
  return toCommand(name, properties, data);
}

function toCommand(name: string, properties: ReadonlyMap<string, string>, data: string): WorkflowCommand | undefined {
  switch (name) {
    case "error":
    case "warning":
    case "notice":
      return { kind: name, message: data, place: toPlace(properties) };
    case "group":
      return { kind: "group", title: data };
    case "endgroup":
      return { kind: "endgroup" };
    case "debug":
      return { kind: "debug", message: data };
    case "add-mask":
      return { kind: "add-mask", value: data };
    case "stop-commands":
      return isStopToken(data)
        ? { kind: "stop-commands", token: data }
        : { kind: "refused", message: `'${data.slice(0, 40)}' cannot stop commands: take a text nobody can guess` };
    case "echo":
      return { kind: "echo", on: data.trim().toLowerCase() === "on" };
    case "set-output":
    case "save-state":
      return { kind: name, name: properties.get("name") ?? "", value: data };
    case "set-env":
      return { kind: "set-env", name: properties.get("name") ?? "", value: data };
    case "add-path":
      return { kind: "add-path", value: data };
    case "add-matcher":
      return { kind: "add-matcher", path: data };
    case "remove-matcher":
      return toRemoveMatcher(properties.get("owner"), data);
    default:
      return undefined;
  }
}

const COMMAND_NAMES: ReadonlySet<string> = new Set([
  "error",
  "warning",
  "notice",
  "group",
  "endgroup",
  "add-mask",
  "debug",
  "stop-commands",
  "echo",
  "set-output",
  "save-state",
  "set-env",
  "add-path",
  "add-matcher",
  "remove-matcher",
  "pause-logging",
]);

/** A command's own name would end the pause by accident. */
function isStopToken(token: string): boolean {
  return token.trim() !== "" && !COMMAND_NAMES.has(token.trim().toLowerCase());
}

function toRemoveMatcher(owner: string | undefined, path: string): WorkflowCommand {
  if (owner !== undefined && owner !== "") return { kind: "remove-matcher", owner };
  if (path.trim() !== "") return { kind: "remove-matcher", path };
  return { kind: "refused", message: "the command 'remove-matcher' names neither an owner nor a file" };
}

function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const pair of text.split(",")) {
    const equals = pair.indexOf("=");
    if (equals > 0)
      properties.set(pair.slice(0, equals).trim().toLowerCase(), unescapeProperty(pair.slice(equals + 1)));
  }
  return properties;
}

function toPlace(properties: ReadonlyMap<string, string>): AnnotationPlace {
  const file = properties.get("file");
  const title = properties.get("title");
  const line = toCount(properties.get("line"));
  const endLine = toCount(properties.get("endline"));
  const column = toCount(properties.get("col"));
  const endColumn = toCount(properties.get("endcolumn"));
  return {
    ...(file !== undefined && { file }),
    ...(title !== undefined && { title }),
    ...(line !== undefined && { line }),
    ...(endLine !== undefined && { endLine }),
    ...(column !== undefined && { column }),
    ...(endColumn !== undefined && { endColumn }),
  };
}

function toCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text.trim()) ? Number(text) : undefined;
}

const DATA_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["%25", "%"],
  ["%0D", "\r"],
  ["%0A", "\n"],
]);
const PROPERTY_ESCAPES: ReadonlyMap<string, string> = new Map([...DATA_ESCAPES, ["%3A", ":"], ["%2C", ","]]);

function unescapeData(text: string): string {
  return text.replace(/%(?:25|0D|0A)/gi, (code) => DATA_ESCAPES.get(code.toUpperCase()) ?? code);
}

function unescapeProperty(text: string): string {
  return text.replace(/%(?:25|0D|0A|3A|2C)/gi, (code) => PROPERTY_ESCAPES.get(code.toUpperCase()) ?? code);
}
