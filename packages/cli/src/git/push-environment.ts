import path from "node:path";

/**
 * Environment that lets git authenticate to the farm, and only to the farm: the token stands neither in the process list
 * nor in any file. `ca` is a file with the farm's authority.
 */
export function pushEnvironment(farmUrl: string, token: string | undefined, ca?: string): Record<string, string> {
  const settings: [key: string, value: string][] = [["credential.helper", ""]];
  if (token !== undefined) {
    const credentials = Buffer.from(`windrow:${token}`).toString("base64");
    settings.push([`http.${farmUrl}/.extraHeader`, `Authorization: Basic ${credentials}`]);
  }
  if (ca !== undefined) settings.push([`http.${farmUrl}/.sslCAInfo`, path.resolve(ca)]);
  const environment: Record<string, string> = { GIT_CONFIG_COUNT: String(settings.length) };
  for (const [index, [key, value]] of settings.entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return environment;
}
