import { JSONObjectReader } from "@actions/workflow-parser/templates/json-object-reader";
import { TemplateSchema } from "@actions/workflow-parser/templates/schema/template-schema";

import { withOwnKeys } from "../library-corrections.ts";

/** One definition in the schema language of the library. */
export type SchemaDefinition =
  | {
      readonly string: { readonly constant?: string; readonly "require-non-empty"?: boolean };
      readonly context?: Names;
    }
  | { readonly boolean: object; readonly context?: Names }
  | { readonly number: object }
  | { readonly sequence: { readonly "item-type": string }; readonly context?: Names }
  | { readonly "one-of": Names; readonly context?: Names }
  | { readonly "allowed-values": Names }
  | { readonly mapping: SchemaMapping; readonly context?: Names };

type Names = readonly string[];
interface SchemaMapping {
  readonly properties?: { readonly [key: string]: string | { readonly type: string; readonly required: true } };
  readonly "loose-key-type"?: string;
  readonly "loose-value-type"?: string;
}

/** A schema of ours, made when it is first asked for. */
export function ownSchema(definitions: { readonly [name: string]: SchemaDefinition }): () => TemplateSchema {
  let schema: TemplateSchema | undefined;
  return () => {
    const text = (): string => JSON.stringify({ version: "own", definitions });
    schema ??= withOwnKeys(TemplateSchema.load(new JSONObjectReader(undefined, text())));
    return schema;
  };
}
