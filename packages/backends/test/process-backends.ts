import { createHostBackend, createSandboxBackend, findSandbox, type StepBackend } from "../src/index.ts";

export interface ProcessBackend {
  readonly name: string;
  readonly create: () => StepBackend;
  /** A namespace holds its jobs. */
  readonly isHeld: boolean;
}

const found = await findSandbox(undefined);
const sandbox: readonly ProcessBackend[] =
  "bwrap" in found
    ? [
        {
          name: "sandbox",
          create: () => createSandboxBackend({ bwrap: found.bwrap, network: "machine", readable: [] }),
          isHeld: true,
        },
      ]
    : [];

/** Why the sandbox is not among the backends below; undefined when it is. */
export const sandboxProblem = "problem" in found ? found.problem : undefined;

/** Every backend whose steps are processes of this machine, as far as it can be had here. */
export const processBackends: readonly ProcessBackend[] = [
  { name: "host", create: () => createHostBackend(), isHeld: true },
  { name: "host without a namespace", create: () => createHostBackend({ containment: "best-effort" }), isHeld: false },
  ...sandbox,
];

export const heldBackends = processBackends.filter((one) => one.isHeld);
