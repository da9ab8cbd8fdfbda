/** Lines of Node with long-term support: their name, and the day from which they had it. */
const LTS_LINES: readonly { readonly major: number; readonly name: string; readonly from: string }[] = [
  { major: 4, name: "argon", from: "2015-10-12" },
  { major: 6, name: "boron", from: "2016-10-18" },
  { major: 8, name: "carbon", from: "2017-10-31" },
  { major: 10, name: "dubnium", from: "2018-10-30" },
  { major: 12, name: "erbium", from: "2019-10-21" },
  { major: 14, name: "fermium", from: "2020-10-27" },
  { major: 16, name: "gallium", from: "2021-10-26" },
  { major: 18, name: "hydrogen", from: "2022-10-25" },
  { major: 20, name: "iron", from: "2023-10-24" },
  { major: 22, name: "jod", from: "2024-10-29" },
  { major: 24, name: "krypton", from: "2025-10-28" },
  { major: 26, name: "", from: "2026-10-28" },
];

/** What a `node-version` asks for. */
export type NodeWish =
  | { readonly kind: "range"; readonly range: string }
  /** The newest there is anywhere. */
  | { readonly kind: "latest" }
  | { readonly kind: "unknown"; readonly why: string };

/** Reads `node-version` as written; `nowMs` decides which lines have long-term support. */
export function readNodeWish(text: string, nowMs: number): NodeWish {
  const wish = text.trim().toLowerCase();
  if (["latest", "current", "node"].includes(wish)) return { kind: "latest" };
  if (wish.startsWith("lts/")) return readLts(wish.slice("lts/".length), nowMs);
  if (/-(?:nightly|rc|v8-canary)/.test(wish)) {
    return { kind: "unknown", why: `'${text}' asks for a test build of Node, and only releases can be had here` };
  }
  return { kind: "range", range: wish.replace(/^v(?=\d)/, "") };
}

function readLts(line: string, nowMs: number): NodeWish {
  const lines = LTS_LINES.filter((one) => Date.parse(one.from) <= nowMs).reverse();
  const back = line === "*" ? 0 : /^-\d$/.test(line) ? -Number(line) : undefined;
  const found = back === undefined ? lines.find((one) => one.name === line && line !== "") : lines[back];
  if (found !== undefined) return { kind: "range", range: `${found.major}.x` };
  const names = lines.map((one) => one.name).filter((name) => name !== "");
  return { kind: "unknown", why: `'lts/${line}' is not a line of Node; there are ${names.join(", ")}` };
}

/** Which npm comes with a Node: the last major version that its line shipped. */
export function npmMajorOf(nodeVersion: string): number {
  const major = Number(nodeVersion.split(".")[0]);
  if (major >= 24) return 11;
  if (major >= 18) return 10;
  if (major >= 16) return 8;
  return 6;
}

/** Node carried corepack up to version 24. */
export const hasCorepack = (nodeVersion: string): boolean => {
  const major = Number(nodeVersion.split(".")[0]);
  return major >= 16 && major < 25;
};
