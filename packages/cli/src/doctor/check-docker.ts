import { get } from "node:http";
import type { Check } from "@windrow/contract";

const SOCKET_DEFAULT = "/var/run/docker.sock";
const ANSWER_WAIT_MS = 3_000;
const ANSWER_CHARS_MAX = 100_000;
const NAME = "docker";

/** Whether a Docker engine answers where DOCKER_HOST says, else at its usual place. */
export async function checkDocker(dockerHost: string | undefined): Promise<Check> {
  const where = dockerHost || `unix://${SOCKET_DEFAULT}`;
  if (!where.startsWith("unix://") && !where.startsWith("tcp://")) {
    return { name: NAME, state: "warning", detail: `${where} was not tried: only unix:// and tcp:// are` };
  }
  try {
    const version = await readVersion(where);
    return { name: NAME, state: "ok", detail: `the engine answers (${version})` };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const isUnset = dockerHost === undefined || dockerHost === "";
    if (code === "ENOENT" && isUnset) {
      const detail = "no engine on this machine: agents here run no container jobs";
      return { name: NAME, state: "warning", detail, hint: "Where containers are wanted: apt-get install docker.io" };
    }
    const isForbidden = code === "EACCES";
    return {
      ...{ name: NAME, state: "warning", detail: `${where} does not answer: ${code || String(error)}` },
      hint: isForbidden
        ? "Jobs have containers only on an agent that is root; run windrow doctor as root to try the engine"
        : "Start the engine (systemctl start docker), or unset DOCKER_HOST",
    };
  }
}

function readVersion(where: string): Promise<string> {
  const place = where.startsWith("unix://")
    ? { socketPath: where.slice("unix://".length) }
    : { host: new URL(where).hostname, port: new URL(where).port };
  return new Promise((resolve, reject) => {
    const request = get({ ...place, path: "/version", timeout: ANSWER_WAIT_MS }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        if (text.length < ANSWER_CHARS_MAX) text += part;
      });
      response.on("end", () => resolve(/"Version":\s*"([^"]{1,50})"/.exec(text)?.[1] ?? "no version"));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("it took too long")));
    request.on("error", reject);
  });
}
