import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { launcherScript, supervisorScript } from "./supervisor-script.ts";

/** The one small process through which an agent starts supervisors; started when first needed, again if it died. */
export class SupervisorLauncher {
  #setsid: string;
  #child: ChildProcess | undefined;

  constructor(setsid: string) {
    this.#setsid = setsid;
  }

  /** Asks for a supervisor; whether it started is seen on its events pipe. */
  launch(siteDir: string): void {
    this.#child ??= this.#start();
    this.#child.stdin?.write(`${siteDir}\n`);
  }

  #start(): ChildProcess {
    // In a session of its own, which its supervisors share: what is meant for the agent's terminal does not reach them.
    const child = spawn("/bin/sh", [launcherScript, this.#setsid, supervisorScript], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: {},
      cwd: "/",
    });
    const forget = () => {
      if (this.#child === child) this.#child = undefined;
    };
    child.once("exit", forget);
    child.once("error", forget);
    // A write to a launcher that has just died; whoever asked sees that no supervisor comes.
    child.stdin?.on("error", forget);
    child.unref();
    if (child.stdin instanceof Socket) child.stdin.unref();
    return child;
  }
}
