import path from "node:path";
import type { CommandContext } from "../commands/command-context.ts";
import { agentCommandVariable } from "./node-command.ts";
import { runChild } from "./run-child.ts";

/** Flag → environment variable of the controller; `path` ones are taken from the folder the command was given in. */
const VARIABLES = {
  databaseUrl: { variable: "WINDROW_DATABASE_URL" },
  natsUrl: { variable: "WINDROW_NATS_URL" },
  natsKeysFile: { variable: "WINDROW_NATS_KEYS_FILE", isPath: true },
  data: { variable: "WINDROW_DATA_DIR", isPath: true },
  listen: { variable: "WINDROW_LISTEN" },
  port: { variable: "WINDROW_PORT" },
  grpcPort: { variable: "WINDROW_GRPC_PORT" },
  tlsPort: { variable: "WINDROW_TLS_PORT" },
  tlsCert: { variable: "WINDROW_TLS_CERT_FILE", isPath: true },
  tlsKey: { variable: "WINDROW_TLS_KEY_FILE", isPath: true },
  publicUrl: { variable: "WINDROW_PUBLIC_URL" },
  grpcPublicAddress: { variable: "WINDROW_GRPC_PUBLIC_ADDRESS" },
  adminTokenFile: { variable: "WINDROW_ADMIN_TOKEN_FILE", isPath: true },
  actionsDir: { variable: "WINDROW_ACTIONS_DIR", isPath: true },
  actionsUrl: { variable: "WINDROW_ACTIONS_URL" },
  actionsAllowed: { variable: "WINDROW_ACTIONS_ALLOWED" },
  actionsShared: { variable: "WINDROW_ACTIONS_SHARED" },
  logLevel: { variable: "WINDROW_LOG_LEVEL" },
} as const satisfies Record<string, { variable: string; isPath?: boolean }>;

export type ControllerOptions = { readonly [N in keyof typeof VARIABLES]?: string };

/** `windrow controller` */
export async function runController(context: CommandContext, options: ControllerOptions): Promise<number> {
  return runChild({ entry: "@windrow/controller/main", environment: controllerEnvironment(context, options) });
}

/** Flags win over the environment. */
export function controllerEnvironment(
  context: Pick<CommandContext, "environment" | "cwd">,
  options: ControllerOptions,
): Record<string, string | undefined> {
  const environment: Record<string, string | undefined> = { ...agentCommandVariable(), ...context.environment };
  for (const [name, target] of Object.entries(VARIABLES)) {
    const value = Object.entries(options).find(([option]) => option === name)?.[1];
    if (value === undefined) continue;
    environment[target.variable] = "isPath" in target ? path.resolve(context.cwd, value) : value;
  }
  return environment;
}
