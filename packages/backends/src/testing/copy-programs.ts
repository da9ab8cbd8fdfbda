import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "./find-program.ts";

const run = promisify(execFile);

/** The folders that every image of this machine's programs has. */
export function layOutRoot(root: string): void {
  for (const folder of [
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "usr/local/bin",
    "etc",
    "run",
    "root",
    "home",
    "var/tmp",
  ]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  mkdirSync(join(root, "tmp"), { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(root, name));
  const users = ["root:x:0:0:root:/root:/bin/sh", "postgres:x:999:999::/var/lib/postgresql:/bin/sh"];
  const others = ["someone:x:1234:1234::/home:/bin/sh", "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh"];
  writeFileSync(join(root, "etc/passwd"), `${[...users, ...others].join("\n")}\n`);
  writeFileSync(join(root, "etc/group"), "root:x:0:\npostgres:x:999:\nsomeone:x:1234:\nnogroup:x:65534:\n");
  writeFileSync(join(root, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
}

/** This machine's own programs with the libraries they are linked against. Names that are not there are left out. */
export async function copyPrograms(root: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const file = name.startsWith("/") ? name : findProgram(name);
    if (file === undefined || !existsSync(file)) continue;
    copyFileSync(file, join(root, "usr/bin", basename(file)));
    await copyLibraries(root, file);
  }
}

export async function copyLibraries(root: string, file: string): Promise<void> {
  // a script and a static program have none, which is its exit code 1
  const { stdout } = await run("ldd", [file]).catch((error: { code?: unknown }) => {
    if (error.code !== 1) throw error;
    return { stdout: "" };
  });
  for (const [, library = ""] of stdout.matchAll(/(\/\S+) \(0x/g)) {
    const target = join(root, library);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(library, target);
  }
}
