import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";

/** An image that this agent brought here. */
export interface KnownImage {
  readonly id: string;
  /** Names under which the engine has it; taken away one by one when it is dropped. */
  readonly names: readonly string[];
  readonly bytes: number;
  readonly usedAtMs: number;
}

const FILE = "images.json";

/** Which images this agent pulled or built and when one was last used, over restarts: others' are not its to drop. */
export class ImageLedger {
  #file: string;
  #images = new Map<string, KnownImage>();

  constructor(agentDir: string) {
    this.#file = join(agentDir, FILE);
    for (const image of read(this.#file)) this.#images.set(image.id, image);
  }

  list(): readonly KnownImage[] {
    return [...this.#images.values()];
  }

  has(id: string): boolean {
    return this.#images.has(id);
  }

  put({ id, name, bytes }: { readonly id: string; readonly name: string; readonly bytes: number }): void {
    const names = new Set(this.#images.get(id)?.names ?? []).add(name);
    // a name leads to one image; the one before it is only known by its other names, or by its id
    for (const other of this.#images.values()) {
      if (other.id === id || !other.names.includes(name)) continue;
      this.#images.set(other.id, { ...other, names: other.names.filter((one) => one !== name) });
    }
    this.#images.set(id, { id, names: [...names], bytes, usedAtMs: Date.now() });
    this.#write();
  }

  /** Nothing happens for an image that is not this agent's. */
  touch(id: string): void {
    const image = this.#images.get(id);
    if (image === undefined) return;
    this.#images.set(id, { ...image, usedAtMs: Date.now() });
    this.#write();
  }

  forget(id: string): void {
    if (this.#images.delete(id)) this.#write();
  }

  #write(): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.list()), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** A file that is missing or damaged costs only the knowledge which images may be dropped. */
function read(file: string): KnownImage[] {
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(found) ? found.filter(isKnownImage) : [];
  } catch (error) {
    if (hasCode(error, "ENOENT") || error instanceof SyntaxError) return [];
    throw error;
  }
}

function isKnownImage(value: unknown): value is KnownImage {
  if (typeof value !== "object" || value === null) return false;
  const { id, names, bytes, usedAtMs } = value as Partial<KnownImage>;
  return typeof id === "string" && Array.isArray(names) && typeof bytes === "number" && typeof usedAtMs === "number";
}
