import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Archive } from "./fetch-archive.ts";
import { runClient, SourceError } from "./run-client.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Settings of apt that know of sources, beside the machine's own, which stay as they are. */
export interface PrivateApt {
  readonly configFile: string;
}

/** Reads the lists of a suite's source packages into a folder of their own, from the server the machine uses. */
export async function createPrivateApt(dir: string, suites: readonly string[]): Promise<PrivateApt> {
  const targets = await runClient("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI) $(RELEASE) $(ORIGIN)",
    "Created-By: Packages",
  ]);
  const own = targets.split("\n").map((line) => line.split(" "));
  const uri = own.find(([, release = "", origin]) => origin === "Debian" && !release.includes("-"))?.[0];
  if (uri === undefined) {
    throw new SourceError("this machine has no package lists of Debian (on Debian: run apt-get update once)");
  }
  for (const name of ["lists/partial", "cache/archives/partial", "etc/apt.conf.d"]) {
    mkdirSync(join(dir, name), { recursive: true });
  }
  const sources = suites.map((suite) => `deb-src [signed-by=${KEYRING}] ${uri} ${suite} main\n`);
  writeFileSync(join(dir, "etc/sources.list"), sources.join(""));
  const configFile = join(dir, "apt.conf");
  writeFileSync(
    configFile,
    `Dir::State "${dir}";
Dir::State::lists "${dir}/lists";
Dir::State::status "/dev/null";
Dir::Cache "${dir}/cache";
Dir::Etc "${dir}/etc";
APT::Sandbox::User "";
Acquire::Languages "none";
`,
  );
  await runClient("apt-get", ["-qq", "update"], { env: { APT_CONFIG: configFile } });
  return { configFile };
}

/** The archive of a source package as its authors published it, without Debian's changes. */
export async function fetchDebianSource(
  apt: PrivateApt,
  options: { readonly package: string; readonly suite: string; readonly dir: string },
): Promise<Archive> {
  const { dir, suite } = options;
  await runClient("apt-get", ["-qq", "source", "--download-only", "--tar-only", `${options.package}/${suite}`], {
    cwd: dir,
    env: { APT_CONFIG: apt.configFile },
  });
  const name = readdirSync(dir).find((one) => /\.orig\.tar\.(gz|xz|bz2)$/.test(one));
  if (name === undefined) throw new SourceError(`the source package ${options.package} has no archive of its authors`);
  const version = /_(.+)\.orig\.tar/.exec(name)?.[1] ?? "?";
  return { file: join(dir, name), label: `Debian ${suite}, ${options.package} ${version}` };
}
