import { isBasicExpression, isMapping } from "@actions/workflow-parser";
import type { BasicExpressionToken, TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import {
  CONTAINER_ALLOWANCES_DEFAULT,
  type ContainerDefinition,
  type Position,
  type ServiceDefinition,
  type Template,
  type TemplateMap,
} from "@windrow/model";
import { findContainerRefusals } from "../check/find-container-refusals.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { INSERT } from "../insert-entries.ts";
import { refuse } from "./refuse.ts";
import {
  type Entry,
  entriesOf,
  positionOf,
  readOpenMap,
  readTemplateList,
  readTemplateMap,
  readTemplateText,
} from "./tokens.ts";

interface Draft {
  image?: Template;
  env: TemplateMap;
  ports: readonly Template[];
  volumes: readonly Template[];
  options?: Template;
  entrypoint?: Template;
  command?: Template;
  credentials?: { readonly username: Template; readonly password: Template };
  imagePosition?: Position;
  optionsPosition?: Position;
  volumesPosition?: Position;
}

/** `container:` of a job or one of `services:`: an image, or a map. */
export function readContainer(
  { at, value }: Pick<Entry, "at" | "value">,
  diagnostics: Diagnostics,
): ContainerDefinition | undefined {
  if (!isMapping(value)) return readImageOnly(value, at, diagnostics);
  const draft: Draft = { env: [], ports: [], volumes: [] };
  for (const entry of entriesOf(value)) readContainerEntry(entry, draft, diagnostics);
  const { image, ...rest } = draft;
  if (image === undefined) {
    diagnostics.error(at, { code: "missing-key", message: "the key 'image' is missing", hint: "add 'image'" });
    return undefined;
  }
  const container = { image, ...rest };
  warnOfRefusals(container, at, diagnostics);
  return container;
}

/** What the farm refuses unless an admin allows it; whether one does is not known here. */
function warnOfRefusals(container: ContainerDefinition, at: Position, diagnostics: Diagnostics): void {
  for (const { message, position } of findContainerRefusals(container, CONTAINER_ALLOWANCES_DEFAULT)) {
    diagnostics.warning(position ?? at, {
      code: "container-refused",
      message: `the farm refuses this container: ${message}`,
      hint: "leave it out; what an admin allows is said by: windrow pool view POOL",
    });
  }
}

/** An expression may give the whole map: then its entries are asked for one by one. */
function readImageOnly(token: TemplateToken, at: Position, diagnostics: Diagnostics): ContainerDefinition | undefined {
  const image = readTemplateText(token, at, diagnostics);
  if (image === undefined) return undefined;
  if (!isWholeExpression(token)) return { image, env: [], ports: [], volumes: [] };
  return containerFrom(token.expression);
}

/** A container whose map, or image alone, an expression gives. */
export function containerFrom(expression: string): ContainerDefinition {
  const whole = `(${expression})`;
  const entry = (name: string): Template => `\${{ ${whole}.${name} }}`;
  return {
    image: `\${{ ${whole}.image || ${whole} }}`,
    env: [[INSERT, entry("env")]],
    ports: [entry("ports")],
    volumes: [entry("volumes")],
    options: entry("options"),
    credentials: { username: entry("credentials.username"), password: entry("credentials.password") },
    entrypoint: entry("entrypoint"),
    command: entry("command"),
  };
}

const isWholeExpression = (token: TemplateToken): token is BasicExpressionToken =>
  isBasicExpression(token) && token.originalExpressions === undefined;

function readContainerEntry({ key, at, value }: Entry, draft: Draft, diagnostics: Diagnostics): void {
  switch (key) {
    case "image":
    case "options":
    case "entrypoint":
    case "command": {
      const text = readTemplateText(value, at, diagnostics);
      if (text !== undefined) draft[key] = text;
      if (key === "image" || key === "options") draft[`${key}Position`] = positionOf(value, at);
      return;
    }
    case "env":
      draft.env = readOpenMap(value, "env", diagnostics);
      return;
    case "ports":
    case "volumes":
      // one that is an expression may give the whole list
      draft[key] = readTemplateList(value, at, diagnostics);
      if (key === "volumes") draft.volumesPosition = positionOf(value, at);
      return;
    case "credentials": {
      if (isWholeExpression(value)) {
        if (readTemplateText(value, at, diagnostics) === undefined) return;
        const entry = (name: string): Template => `\${{ (${value.expression}).${name} }}`;
        draft.credentials = { username: entry("username"), password: entry("password") };
        return;
      }
      const given = new Map(readTemplateMap(value, key, diagnostics));
      const [username, password] = [given.get("username"), given.get("password")];
      if (username !== undefined && password !== undefined) draft.credentials = { username, password };
      else if (isMapping(value)) {
        const message = "'credentials' needs 'username' and 'password'";
        diagnostics.error(at, { code: "missing-key", message, hint: "add both" });
      }
    }
  }
}

/** `services:` of a job, by the host names they get; one named `INSERT` stands for those that an expression gives. */
export function readServices(token: TemplateToken, at: Position, diagnostics: Diagnostics): ServiceDefinition[] {
  if (isWholeExpression(token)) {
    const image = readTemplateText(token, at, diagnostics);
    return image === undefined ? [] : [{ name: INSERT, image, env: [], ports: [], volumes: [] }];
  }
  if (token.isExpression)
    refuse(diagnostics, positionOf(token, at), "text around the expression that gives 'services'");
  const services: ServiceDefinition[] = [];
  for (const entry of entriesOf(token)) {
    if (entry.isComputed) refuse(diagnostics, entry.at, "an expression as the name of a service");
    const container = readContainer(entry, diagnostics);
    if (container !== undefined) services.push({ name: entry.key, ...container });
  }
  return services;
}
