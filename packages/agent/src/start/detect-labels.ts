import { execFile } from "node:child_process";
import { arch, hostname } from "node:os";
import type { SlotUser } from "@windrow/backends";
import { LABEL_CHARS_MAX, LABELS_MAX } from "@windrow/wire";

/** Languages an agent can say it has, and what proves it: the program runs. */
const TOOLCHAINS: readonly { readonly label: string; readonly programs: readonly (readonly string[])[] }[] = [
  { label: "node", programs: [["node", "--version"]] },
  {
    label: "python",
    programs: [
      ["python3", "--version"],
      ["python", "--version"],
    ],
  },
  { label: "go", programs: [["go", "version"]] },
  {
    label: "rust",
    programs: [
      ["cargo", "--version"],
      ["rustc", "--version"],
    ],
  },
  {
    label: "java",
    programs: [
      ["javac", "-version"],
      ["java", "-version"],
    ],
  },
  { label: "ruby", programs: [["ruby", "--version"]] },
  { label: "php", programs: [["php", "--version"]] },
  { label: "dotnet", programs: [["dotnet", "--version"]] },
  { label: "elixir", programs: [["mix", "--version"]] },
  { label: "swift", programs: [["swift", "--version"]] },
  { label: "deno", programs: [["deno", "--version"]] },
  { label: "bun", programs: [["bun", "--version"]] },
  {
    label: "cpp",
    programs: [
      ["c++", "--version"],
      ["cc", "--version"],
    ],
  },
];

const ANSWER_WAIT_MS = 5_000;
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._:+=/-]*$/;

/** What the machine is and has, then what was configured; no label twice, no more than the farm takes. */
export async function detectLabels(options: {
  readonly configured: readonly string[];
  readonly env: { readonly [name: string]: string };
  /** Who steps run as: what only the agent can run is of no use to them. */
  readonly user?: SlotUser | undefined;
}): Promise<string[]> {
  const found = await Promise.all(
    TOOLCHAINS.map(async ({ label, programs }) => ((await runsAny(programs, options)) ? label : "")),
  );
  const machine = ["self-hosted", "linux", arch(), ...found, hostname()];
  const labels = [...machine, ...options.configured].map((label) => label.slice(0, LABEL_CHARS_MAX));
  return [...new Set(labels.filter((label) => LABEL.test(label)))].slice(0, LABELS_MAX);
}

interface Runner {
  readonly env: { readonly [name: string]: string };
  readonly user?: SlotUser | undefined;
}

async function runsAny(programs: readonly (readonly string[])[], runner: Runner): Promise<boolean> {
  for (const program of programs) if (await runs(program, runner)) return true;
  return false;
}

/** Whether a program is there and answers; also used to find a shell. */
export function runs(program: readonly string[], { env, user }: Runner): Promise<boolean> {
  const [name = "", ...args] = program;
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return new Promise((resolve) => {
    const options = { env: { ...env }, cwd: "/", timeout: ANSWER_WAIT_MS, ...identity };
    execFile(name, args, options, (error) => resolve(error === null));
  });
}
