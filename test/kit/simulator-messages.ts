import type { IdentityOptions } from "./simulated-identity.ts";

/** What a simulator's process is told; it answers each with `SimulatorAnswer`. */
export type SimulatorOrder =
  | { readonly kind: "make keys"; readonly count: number }
  | {
      readonly kind: "join";
      readonly url: string;
      readonly adminToken: string;
      readonly namePrefix: string;
      readonly labels: IdentityOptions["labels"];
      readonly startOverMs: number;
    }
  | { readonly kind: "start"; readonly withinMs: number }
  | { readonly kind: "hold" }
  | { readonly kind: "release"; readonly overMs: number }
  | { readonly kind: "look" }
  | { readonly kind: "stop" };

export interface SimulatorRequest {
  readonly no: number;
  readonly order: SimulatorOrder;
}

export interface SimulatorAnswer {
  readonly no: number;
  readonly error?: string;
  readonly look?: SimulatorLook;
}

/** Times since the look before, counts since the beginning. */
export interface SimulatorLook {
  readonly welcomeMs: readonly number[];
  readonly heartbeatMs: readonly number[];
  readonly idleMs: readonly number[];
  readonly triesCount: number;
  readonly connectedCount: number;
  readonly begunCount: number;
  readonly finishedCount: number;
  readonly lostCount: number;
  readonly faults: readonly string[];
  /** How late timers of the process were since the look before: what it adds to every time that it takes. */
  readonly lateP99Ms: number;
  readonly cpuMs: number;
}
