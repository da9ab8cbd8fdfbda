import { fileURLToPath } from "node:url";
import { type AnyDefinition, loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";
import { DecodeError } from "./decode-error.ts";
import { Fields } from "./fields.ts";

/** A message as proto-loader takes it: field names in camelCase, absent fields undefined. */
export type Packed = { readonly [field: string]: unknown };

/** The folder of the specification, beside the packages. */
export const PROTO_FOLDER = fileURLToPath(new URL("../../../../proto", import.meta.url));

const definitions = loadSync(["windrow/v1/agent.proto", "windrow/v1/bus.proto"], {
  includeDirs: [PROTO_FOLDER],
  keepCase: false,
  // 64-bit numbers arrive as text, so that none loses bits before it was checked.
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});

function messageDefinition(name: string): MessageTypeDefinition<object, object> {
  const definition = definitions[`windrow.v1.${name}`];
  if (definition === undefined || !isMessage(definition)) throw new Error(`proto/windrow/v1 has no message ${name}`);
  return definition;
}

const isMessage = (definition: AnyDefinition): definition is MessageTypeDefinition<object, object> =>
  "serialize" in definition && typeof definition.serialize === "function";

/** Makes `encodeX` of message `name` from a function that lays a model value out as fields. */
export function createEncoder<T>(name: string, pack: (value: T) => Packed): (value: T) => Buffer {
  const definition = messageDefinition(name);
  return (value) => definition.serialize(pack(value));
}

/** Makes `decodeX` of message `name` from a function that checks fields one by one. Throws DecodeError only. */
export function createDecoder<T>(name: string, unpack: (fields: Fields) => T): (bytes: Uint8Array) => T {
  const definition = messageDefinition(name);
  return (bytes) => {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return unpack(Fields.of(parse(definition, name, buffer), name));
  };
}

function parse(definition: MessageTypeDefinition<object, object>, name: string, bytes: Buffer): unknown {
  try {
    return definition.deserialize(bytes);
  } catch (cause) {
    throw new DecodeError(name, "is not a message of this type", { cause });
  }
}
