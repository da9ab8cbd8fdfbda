import type { ProviderSettings } from "@windrow/model";
import * as z from "zod";

export const COMMAND_PARTS_MAX = 64;
const COMMAND_PART_CHARS_MAX = 4_096;
const TIMEOUT_MS_MIN = 1_000;
const TIMEOUT_MS_MAX = 3_600_000;

const partSchema = z
  .string()
  .max(COMMAND_PART_CHARS_MAX)
  .regex(/^[^\0]*$/, { error: "holds a zero byte" });
const commandSchema = z
  .array(partSchema)
  .min(1)
  .max(COMMAND_PARTS_MAX)
  .refine(([program]) => program?.startsWith("/"), {
    error: "starts with the absolute path of a program; there is no shell",
  });

/** A pool's provider as the API takes and shows it. Secrets stand in files on the controllers' machines, never here. */
export const providerSettingsSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("process"),
      host: z.string().min(1).max(255).describe("Host name of the machine whose controller runs the agents."),
    }),
    z.strictObject({
      kind: z.literal("docker"),
      socket: z
        .string()
        .max(300)
        .regex(/^(?:unix:\/\/\/.+|tcp:\/\/[^@]+)$/, { error: "unix:///var/run/docker.sock or tcp://host:port" })
        .default("unix:///var/run/docker.sock"),
      image: z.string().min(1).max(300),
      network: z.string().min(1).max(100).optional(),
      memory_bytes: z
        .int()
        .min(64 * 1024 * 1024)
        .optional(),
      cpus: z.number().min(0.1).max(1_024).optional(),
    }),
    z.strictObject({
      kind: z.literal("command"),
      create: commandSchema,
      destroy: commandSchema,
      list: commandSchema,
      timeout_ms: z.int().min(TIMEOUT_MS_MIN).max(TIMEOUT_MS_MAX).optional(),
    }),
  ])
  .meta({ id: "ProviderSettings" });
export type ProviderSettingsJson = z.infer<typeof providerSettingsSchema>;

/** As stored. */
export function decodeProviderSettings(json: ProviderSettingsJson): ProviderSettings {
  switch (json.kind) {
    case "process":
      return json;
    case "docker": {
      const { memory_bytes: memoryBytes, network, cpus, ...rest } = json;
      return {
        ...rest,
        ...(network === undefined ? {} : { network }),
        ...(cpus === undefined ? {} : { cpus }),
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
      };
    }
    case "command": {
      const { timeout_ms: timeoutMs, ...rest } = json;
      return { ...rest, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    }
  }
}

/** As the API shows it. */
export function encodeProviderSettings(settings: ProviderSettings): ProviderSettingsJson {
  switch (settings.kind) {
    case "process":
      return settings;
    case "docker": {
      const { memoryBytes, ...rest } = settings;
      return { ...rest, ...(memoryBytes === undefined ? {} : { memory_bytes: memoryBytes }) };
    }
    case "command": {
      const { timeoutMs, create, destroy, list, kind } = settings;
      const commands = { kind, create: [...create], destroy: [...destroy], list: [...list] };
      return { ...commands, ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }) };
    }
  }
}
