import { randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type Database, insertFirstAdminToken } from "@windrow/store";
import { createTokenSecret } from "./token-secret.ts";

/**
 * Makes the first admin token and writes it to `file`, mode 600, when no admin token can be used any more. Safe when two
 * controllers start together. Returns whether it made one. The file is written before the row is committed: a token
 * that nobody was told would lock everybody out.
 */
export async function ensureAdminToken(options: { readonly db: Database; readonly file: string }): Promise<boolean> {
  return options.db.transaction().execute(async (tx) => {
    const { secret, hash, prefix } = createTokenSecret("wru");
    const made = await insertFirstAdminToken(tx, {
      id: randomUUID(),
      name: "admin",
      hash,
      prefix,
      createdBy: "controller",
    });
    if (!made) return false;
    await mkdir(dirname(options.file), { recursive: true });
    const draft = `${options.file}.${process.pid}`;
    await writeFile(draft, `${secret}\n`, { mode: 0o600 });
    await rename(draft, options.file);
    return true;
  });
}
