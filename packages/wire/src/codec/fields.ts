import { DecodeError } from "./decode-error.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The fields of one received message, read by name: each reader checks one field and throws a DecodeError that names
 * it. Nothing of a message reaches the model without passing here.
 */
export class Fields {
  readonly path: string;
  readonly #record: Record<string, unknown>;

  private constructor(record: Record<string, unknown>, path: string) {
    this.#record = record;
    this.path = path;
  }

  /** Throws DecodeError when `raw` is not a message. */
  static of(raw: unknown, path: string): Fields {
    if (!isRecord(raw)) throw new DecodeError(path, "is missing");
    return new Fields(raw, path);
  }

  /** For a reader of several fields together. */
  fail(name: string, problem: string): never {
    throw new DecodeError(`${this.path}.${name}`, problem);
  }

  has(name: string): boolean {
    return this.#record[name] !== undefined && this.#record[name] !== null;
  }

  /** Any text, also empty. */
  text(name: string): string {
    const value = this.#record[name];
    return typeof value === "string" ? value : this.fail(name, "is not text");
  }

  requiredText(name: string): string {
    return this.text(name) || this.fail(name, "is empty");
  }

  /** Text that will be stored in a row: Postgres takes no U+0000. */
  rowText(name: string): string {
    const value = this.text(name);
    return value.includes("\0") ? this.fail(name, "holds U+0000") : value;
  }

  /** Reads with `read` if the field is there. For fields declared `optional` and for messages. */
  optional<T>(name: string, read: (this: Fields, name: string) => T): T | undefined {
    return this.has(name) ? read.call(this, name) : undefined;
  }

  /** UUID text in its canonical lower-case form, given its brand by `brand`. */
  uuid<T>(name: string, brand: (text: string) => T): T {
    return brand(checkUuid(this.#record[name], `${this.path}.${name}`));
  }

  uuids<T>(name: string, brand: (text: string) => T): T[] {
    return this.list(name, (item, path) => brand(checkUuid(item, path)));
  }

  /** One of `words`. */
  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.#record[name];
    return words.find((word) => word === value) ?? this.fail(name, `is none of ${words.join(", ")}`);
  }

  /** A whole number within 53 bits; `least` is the smallest that is allowed. */
  integer(name: string, least = 0): number {
    const raw = this.#record[name];
    const value = typeof raw === "string" && raw !== "" ? Number(raw) : raw;
    if (typeof value !== "number" || !Number.isSafeInteger(value)) this.fail(name, "is not a whole number of 53 bits");
    return value >= least ? value : this.fail(name, `is less than ${least}`);
  }

  bigint(name: string): bigint {
    const value = this.#record[name];
    return typeof value === "string" && /^\d+$/.test(value) ? BigInt(value) : this.fail(name, "is not a number");
  }

  double(name: string): number {
    const value = this.#record[name];
    return typeof value === "number" ? value : this.fail(name, "is not a number");
  }

  flag(name: string): boolean {
    const value = this.#record[name];
    return typeof value === "boolean" ? value : this.fail(name, "is neither true nor false");
  }

  bytes(name: string): Uint8Array {
    return checkBytes(this.#record[name], `${this.path}.${name}`);
  }

  bytesList(name: string): Uint8Array[] {
    return this.list(name, checkBytes);
  }

  texts(name: string): string[] {
    return this.list(name, (item, path) => {
      if (typeof item !== "string") throw new DecodeError(path, "is not text");
      return item;
    });
  }

  message(name: string): Fields {
    return Fields.of(this.#record[name], `${this.path}.${name}`);
  }

  messages<T>(name: string, read: (fields: Fields) => T): T[] {
    return this.list(name, (item, path) => read(Fields.of(item, path)));
  }

  /** The name of the field that is set in `oneof kind`. */
  kind<T extends string>(kinds: readonly T[]): T {
    const value = this.#record.kind;
    return kinds.find((kind) => kind === value) ?? this.fail("kind", `is none of ${kinds.join(", ")}`);
  }

  private list<T>(name: string, read: (item: unknown, path: string) => T): T[] {
    const value = this.#record[name];
    if (!Array.isArray(value)) this.fail(name, "is not a list");
    return value.map((item: unknown, index) => read(item, `${this.path}.${name}[${index}]`));
  }
}

function checkUuid(value: unknown, path: string): string {
  if (typeof value !== "string" || value === "") throw new DecodeError(path, "is missing");
  if (!UUID.test(value)) throw new DecodeError(path, "is not a UUID");
  return value;
}

function checkBytes(value: unknown, path: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new DecodeError(path, "is not bytes");
  return value;
}
