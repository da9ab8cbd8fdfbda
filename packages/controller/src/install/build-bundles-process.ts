import { buildAgentBundles } from "./build-agent-bundle.ts";

// A process of its own, see agent-bundles.ts: DIR PACKAGE_VERSION; writes the bundles' facts as JSON.

const [dir, packageVersion] = process.argv.slice(2);
if (dir === undefined || packageVersion === undefined) throw new Error("say DIR and PACKAGE_VERSION");
process.stdout.write(JSON.stringify(await buildAgentBundles({ dir, packageVersion })));
