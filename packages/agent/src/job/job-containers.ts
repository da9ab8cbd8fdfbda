import type { RegistryCredentials } from "@windrow/backends";
import type { ContainerDefinition, Template, TemplateMap, Value } from "@windrow/model";
import {
  type ExpressionContexts,
  ExpressionFailure,
  type ExpressionFunctions,
  evaluateTemplate,
  evaluateValue,
  expandServices,
  insertEntries,
} from "@windrow/workflow";
import type { OpenJob } from "./open-job.ts";
import { splitWords } from "./split-words.ts";

/** A container as the job asks for it, all expressions evaluated. */
export interface AskedContainer {
  readonly image: string;
  readonly env: { readonly [name: string]: string };
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly options: string;
  readonly credentials?: RegistryCredentials;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
}

export interface AskedContainers {
  readonly container: AskedContainer | undefined;
  readonly services: readonly (AskedContainer & { readonly name: string })[];
}

/** What a job asks for in containers; those whose image comes out empty are none. Throws `ExpressionFailure`. */
export function evaluateContainers({ plan, scope }: Pick<OpenJob, "plan" | "scope">): AskedContainers {
  const own = { contexts: scope.contexts(), functions: scope.functions };
  const container = plan.container && evaluateContainer(plan.container, own);
  const services = expandServices(plan.services, own.contexts, own.functions).flatMap(({ name, ...service }) => {
    const asked = evaluateContainer(service, own);
    return asked === undefined ? [] : [{ name, ...asked }];
  });
  return { container, services };
}

interface Own {
  readonly contexts: ExpressionContexts;
  readonly functions: ExpressionFunctions;
}

function evaluateContainer(definition: ContainerDefinition, own: Own): AskedContainer | undefined {
  const evaluate = (template: Template) => evaluateTemplate(template, own.contexts, own.functions);
  const image = evaluate(definition.image)
    .trim()
    .replace(/^docker:\/\//, "");
  if (image === "") return undefined;
  const { credentials, entrypoint, command } = definition;
  const username = credentials && evaluate(credentials.username);
  const password = credentials && evaluate(credentials.password);
  return {
    image,
    env: evaluateMap(definition.env, own),
    ports: evaluateList(definition.ports, "ports", own),
    volumes: evaluateList(definition.volumes, "volumes", own),
    options: definition.options === undefined ? "" : evaluate(definition.options),
    ...(username && password && { credentials: { username, password } }),
    ...wordsOf("entrypoint", entrypoint && evaluate(entrypoint)),
    ...wordsOf("command", command && evaluate(command)),
  };
}

function wordsOf<Key extends string>(
  key: Key,
  text: string | undefined,
): { readonly [name in Key]?: readonly string[] } {
  const words = splitWords(text ?? "");
  const entry: { [name in Key]?: readonly string[] } = {};
  if (words.length > 0) entry[key] = words;
  return entry;
}

function evaluateMap(map: TemplateMap, { contexts, functions }: Own): { readonly [name: string]: string } {
  const entries = insertEntries(map, () => contexts, functions);
  return Object.fromEntries(entries.map(([name, template]) => [name, evaluateTemplate(template, contexts, functions)]));
}

/** An item may be an expression that gives a list. */
function evaluateList(items: readonly Template[], what: string, { contexts, functions }: Own): string[] {
  return items
    .flatMap((template) => {
      const value = evaluateValue(template, contexts, functions);
      return isList(value) ? value.map((item) => textOf(item, what, template)) : [textOf(value, what, template)];
    })
    .filter((text) => text !== "");
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

function textOf(value: Value, what: string, template: Template): string {
  if (value === null) return "";
  if (typeof value === "object") throw new ExpressionFailure(template, `an entry of '${what}' must be a text`);
  return String(value).trim();
}
