import packageJson from "../package.json" with { type: "json" };

/** This program's version, as `package.json` says it. */
export const VERSION: string = packageJson.version;
