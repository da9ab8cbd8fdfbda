import { type BundleFacts, PLATFORMS, type Platform, VERSION_PATTERN } from "./bundle-facts.ts";

/** Where a bundle is had on every controller. */
export const bundlePath = ({ platform, version }: Pick<BundleFacts, "platform" | "version">): string =>
  `/install/agent-${platform}-${version}.tar.gz`;

/** The other way round, of the last part; undefined for what no bundle is called. */
export function readBundleName(name: string): { readonly platform: Platform; readonly version: string } | undefined {
  const platform = PLATFORMS.find((one) => name.startsWith(`agent-${one}-`));
  if (platform === undefined || !name.endsWith(".tar.gz")) return undefined;
  const version = name.slice(`agent-${platform}-`.length, -".tar.gz".length);
  return VERSION_PATTERN.test(version) ? { platform, version } : undefined;
}
