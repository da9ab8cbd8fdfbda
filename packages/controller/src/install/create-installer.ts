import { createHash } from "node:crypto";
import type { AgentBundles } from "./agent-bundles.ts";
import { makeInstallScript } from "./install-script.ts";

/** What this farm hands to machines that are to become agents. */
export interface Installer {
  readonly bundles: AgentBundles;
  /** Built on first need. Throws Refusal `not_found` where there is nothing to build from. */
  script(): Promise<InstallScript>;
  /** What agents are to be; without the build where none can be made. */
  targetVersion(): Promise<string>;
}

export interface InstallScript {
  readonly url: string;
  readonly text: string;
  /** In hexadecimal. */
  readonly sha256: string;
  /** True when a machine cannot check by itself from whom the script is: the farm has an authority of its own, or no TLS. */
  readonly isPinned: boolean;
}

export interface InstallerOptions {
  readonly bundles: AgentBundles;
  readonly packageVersion: string;
  readonly publicUrl: () => string;
  /** PEM of the authority that issued what people are shown; undefined for a certificate of their own. */
  readonly authority: string | undefined;
}

export function createInstaller({ bundles, packageVersion, publicUrl, authority }: InstallerOptions): Installer {
  return {
    bundles,
    async script() {
      const farmUrl = publicUrl().replace(/\/+$/, "");
      const isSecure = farmUrl.startsWith("https:");
      const current = await bundles.current();
      const text = await makeInstallScript({ farmUrl, authority: isSecure ? authority : undefined, current });
      const sha256 = createHash("sha256").update(text).digest("hex");
      return { url: `${farmUrl}/install.sh`, text, sha256, isPinned: !isSecure || authority !== undefined };
    },
    async targetVersion() {
      try {
        return (await bundles.current()).version;
      } catch {
        // told in the log by who builds; versions are compared by release then
        return packageVersion;
      }
    },
  };
}
