import { Farm } from "../kit/farm.ts";

/** What real files ask for; an admin would give these labels to the agents meant for them. */
const LABELS = ["ubuntu-latest", "ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04", "ubuntu-slim"];

/** How this machine reaches its registries, which agents and their jobs need too. */
const MACHINE_VARIABLES = [
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
];

/** A farm of one controller and one agent with the labels that real files ask for. */
export async function startRealFarm(options: { readonly slots?: number } = {}): Promise<Farm> {
  const passed = [...MACHINE_VARIABLES, "WINDROW_AGENT_TOOL_CACHE"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const farm = await Farm.start({ agents: 0, logLevel: "info", agentEnv: Object.fromEntries(passed) });
  try {
    await farm.startAgent({ name: "agent-1", slots: options.slots ?? 2, labels: LABELS.join(",") });
    return farm;
  } catch (error) {
    await farm.stop();
    throw error;
  }
}
