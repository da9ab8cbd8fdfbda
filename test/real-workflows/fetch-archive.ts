import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createTemporaryFolder } from "../kit/temporary-folder.ts";
import { createPrivateApt, fetchDebianSource, type PrivateApt } from "./debian-source.ts";
import type { RealCase, RealSource } from "./real-case.ts";
import { runClient, SourceError } from "./run-client.ts";

/** A tar file whose first folder is the repository. */
export interface Archive {
  readonly file: string;
  /** Registry, package and version. */
  readonly label: string;
}

/** Fetches sources of packages; what several of them need is made once. Throws `SourceError` when they cannot be had. */
export function createSources(cases: readonly RealCase[]): (source: RealSource) => Promise<Archive> {
  const suites = cases.flatMap(({ source }) => (source?.kind === "debian" ? [source.suite] : []));
  let apt: Promise<PrivateApt> | undefined;
  return async (source) => {
    const dir = createTemporaryFolder("windrow-source-");
    if (source.kind === "debian") {
      apt ??= createPrivateApt(createTemporaryFolder("windrow-apt-"), [...new Set(suites)]);
      return fetchDebianSource(await apt, { ...source, dir });
    }
    const { package: name, version } = source;
    if (source.kind === "npm") {
      await runClient("npm", ["pack", "--silent", `${name}@${version}`], { cwd: dir });
      return { file: archiveIn(dir, name), label: `npm, ${name} ${version}` };
    }
    const args = ["-m", "pip", "download", "-q", "--no-deps", "--no-binary", name, `${name}==${version}`];
    await runClient("python3", args, { cwd: dir });
    return { file: archiveIn(dir, name), label: `PyPI, ${name} ${version}` };
  };
}

function archiveIn(dir: string, name: string): string {
  const found = readdirSync(dir).find((one) => /\.(tgz|tar\.gz)$/.test(one));
  if (found === undefined) throw new SourceError(`there is no archive of ${name}`);
  return join(dir, found);
}
