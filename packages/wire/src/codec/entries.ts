import type { TemplateMap } from "@windrow/model";
import type { Fields } from "./fields.ts";
import type { Packed } from "./proto-message.ts";

export const packTemplates = (map: TemplateMap): Packed[] => map.map(([name, template]) => ({ name, template }));

export const unpackTemplates = (fields: Fields, name: string): TemplateMap =>
  fields.messages(name, (entry) => [entry.text("name"), entry.text("template")] as const);

export const packStrings = (map: { readonly [name: string]: string }): Packed[] =>
  Object.entries(map).map(([name, value]) => ({ name, value }));

/** `Object.fromEntries` makes own properties, so that a name such as `__proto__` stays a name. */
export const unpackStrings = (fields: Fields, name: string): { readonly [name: string]: string } =>
  Object.fromEntries(fields.messages(name, (entry) => [entry.text("name"), entry.text("value")]));
