import { isBasicExpression, isMapping } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { ContainerDefinition, Position, ServiceDefinition, Template, TemplateMap } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { refuse } from "./refuse.ts";
import { type Entry, entriesOf, positionOf, readTemplateList, readTemplateMap, readTemplateText } from "./tokens.ts";

interface Draft {
  image?: Template;
  env: TemplateMap;
  ports: readonly Template[];
  volumes: readonly Template[];
  options?: Template;
  entrypoint?: Template;
  command?: Template;
  credentials?: { readonly username: Template; readonly password: Template };
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
  return { image, ...rest };
}

/** An expression may give the whole map: then its image, options and credentials are asked for one by one. */
function readImageOnly(token: TemplateToken, at: Position, diagnostics: Diagnostics): ContainerDefinition | undefined {
  const image = readTemplateText(token, at, diagnostics);
  if (image === undefined) return undefined;
  const nothing = { env: [], ports: [], volumes: [] };
  if (!isBasicExpression(token) || token.originalExpressions !== undefined) return { image, ...nothing };
  const whole = `(${token.expression})`;
  return { image: `\${{ ${whole}.image || ${whole} }}`, options: `\${{ ${whole}.options }}`, ...nothing };
}

function readContainerEntry({ key, at, value }: Entry, draft: Draft, diagnostics: Diagnostics): void {
  switch (key) {
    case "image":
    case "options":
    case "entrypoint":
    case "command": {
      const text = readTemplateText(value, at, diagnostics);
      if (text !== undefined) draft[key] = text;
      return;
    }
    case "env":
      draft.env = readTemplateMap(value, "env", diagnostics);
      return;
    case "ports":
    case "volumes":
      if (value.isExpression) refuse(diagnostics, positionOf(value, at), `an expression in place of the list '${key}'`);
      else draft[key] = readTemplateList(value, at, diagnostics);
      return;
    case "credentials": {
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

/** `services:` of a job, by the host names they get. */
export function readServices(token: TemplateToken, at: Position, diagnostics: Diagnostics): ServiceDefinition[] {
  if (token.isExpression) refuse(diagnostics, positionOf(token, at), "an expression in place of the map 'services'");
  const services: ServiceDefinition[] = [];
  for (const entry of entriesOf(token)) {
    if (entry.isComputed) refuse(diagnostics, entry.at, "an expression as the name of a service");
    const container = readContainer(entry, diagnostics);
    if (container !== undefined) services.push({ name: entry.key, ...container });
  }
  return services;
}
