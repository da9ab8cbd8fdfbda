import type { Agent } from "@windrow/contract";
import { compareVersions } from "@windrow/model";

/** An agent's version, and how it stands to what the farm hands out when that is another one. */
export function describeVersion(agent: Pick<Agent, "version" | "target_version">): string {
  switch (agent.target_version === "" ? "same" : compareVersions(agent.version, agent.target_version)) {
    case "same":
      return agent.version;
    case "older":
      return `${agent.version} (older)`;
    case "newer":
      return `${agent.version} (newer)`;
    case "other":
      return `${agent.version} (other)`;
  }
}
