import type { Farm } from "./farm.ts";

/** The sum of a metric's samples on one controller's `/metrics`; 0 when it has none. */
export async function readMetric(farm: Farm, name: string, controller = 0): Promise<number> {
  const url = farm.controllers[controller]?.url ?? farm.url;
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${farm.adminToken}` } });
  const text = await response.text();
  if (!response.ok) throw new Error(`/metrics: ${response.status} ${text}`);
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
