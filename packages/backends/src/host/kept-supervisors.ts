import { closeSync, constants, openSync, writeSync } from "node:fs";
import { hasCode } from "@windrow/service";
import { isProcessAlive, type ProcessIdentity } from "./process-identity.ts";

/**
 * The agent's end of the pipe on which a supervisor waits for its next site. As long as this process holds it, the
 * supervisor waits; when this process goes, so does a supervisor that waits.
 */
export class NextSitePipe {
  #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Before the supervisor is there: with both ends, or the pipe would already be at its end when it is first read. */
  static hold(path: string): NextSitePipe {
    return new NextSitePipe(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
  }

  /** Now that the supervisor has its end, this process keeps the other one alone. */
  becomeWriter(path: string): void {
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    closeSync(this.#descriptor);
    this.#descriptor = writer;
  }

  /** False when the supervisor is gone. */
  send(siteDir: string): boolean {
    try {
      writeSync(this.#descriptor, `${siteDir}\n`);
      return true;
    } catch (error) {
      if (hasCode(error, "EPIPE")) return false;
      throw error;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** A supervisor in an empty namespace, between two jobs of one user. */
export interface KeptSupervisor {
  readonly identity: ProcessIdentity;
  readonly next: NextSitePipe;
}

/** More than any agent has slots. */
const keptCountMax = 512;

/** Supervisors that wait for their next job: starting one costs more than all the rest of a small job. */
export class KeptSupervisors {
  #byUser = new Map<string, KeptSupervisor[]>();
  #count = 0;
  #isClosed = false;

  keep(user: string, supervisor: KeptSupervisor): void {
    if (this.#isClosed || this.#count >= keptCountMax) {
      supervisor.next.close();
      return;
    }
    this.#count++;
    const kept = this.#byUser.get(user) ?? [];
    kept.push(supervisor);
    this.#byUser.set(user, kept);
  }

  /** One that lives, or none. */
  take(user: string): KeptSupervisor | undefined {
    const kept = this.#byUser.get(user) ?? [];
    for (let supervisor = kept.pop(); supervisor !== undefined; supervisor = kept.pop()) {
      this.#count--;
      if (isProcessAlive(supervisor.identity)) return supervisor;
      supervisor.next.close();
    }
    return undefined;
  }

  /** Lets all of them go, and those that would be kept from now on. */
  close(): void {
    this.#isClosed = true;
    for (const { next } of [...this.#byUser.values()].flat()) next.close();
    this.#byUser.clear();
  }
}
