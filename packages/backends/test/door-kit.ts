import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type { ContainerDoor } from "../src/index.ts";
import { waitUntil } from "./job-kit.ts";

/** A stand-in for a container: a namespace of processes whose first one is the door's. */
export interface NamespaceContainer {
  /** Of its first process, on the machine. */
  readonly pid: number;
  end(): Promise<void>;
}

export interface NamespaceContainerOptions {
  /** Words that run a script; `sh` unless told. */
  readonly shell?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export async function startNamespaceContainer(
  door: ContainerDoor,
  { shell = ["/bin/sh"], env = { PATH: "/usr/bin:/bin" } }: NamespaceContainerOptions = {},
): Promise<NamespaceContainer> {
  const words = ["--pid", "--fork", "--kill-child", "--mount-proc", ...shell, `${door.dir}/init.sh`];
  const child = spawn("/usr/bin/unshare", words, { stdio: "ignore", env });
  const pid = await waitUntil("the first process", async () => firstChild(child));
  return {
    pid,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

function firstChild({ pid }: ChildProcess): number | undefined {
  const children = `/proc/${pid}/task/${pid}/children`;
  const [first] = existsSync(children) ? readFileSync(children, "utf8").split(" ") : [];
  return first ? Number(first) : undefined;
}
