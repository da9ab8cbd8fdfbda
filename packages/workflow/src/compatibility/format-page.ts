import { COMPATIBILITY, type Section } from "./compatibility-table.ts";
import type { Support } from "./entry.ts";

const WORDS: Readonly<Record<Support, string>> = { supported: "supported", partly: "partly", refused: "**refused**" };

/** The compatibility page of the manual. */
export function formatCompatibilityPage(): string {
  const entries = COMPATIBILITY.flatMap((section) => section.entries);
  const count = (support: Support) => entries.filter((one) => one.support === support).length;
  return [
    "# Compatibility",
    "",
    "<!-- Written by `npm run docs:compatibility` from packages/workflow/src/compatibility; change it there. -->",
    "",
    "What the GitHub Actions workflow syntax has, and how far it works here. *Supported*: as documented. *Partly*: accepted,",
    "and what works is said. *Refused*: with its place in the file, or, where only the agent can know, by failing the job by name.",
    "",
    `${count("supported")} supported, ${count("partly")} partly, ${count("refused")} refused. What Windrow adds stands in`,
    "[workflow-syntax.md](workflow-syntax.md).",
    ...COMPATIBILITY.flatMap(formatSection),
    "",
  ].join("\n");
}

function formatSection({ title, of, entries }: Section): string[] {
  return [
    "",
    `## ${title}`,
    "",
    `| ${of} | here | |`,
    "|---|---|---|",
    ...entries.map(({ name, support, how }) => `| ${code(name)} | ${WORDS[support]} | ${escapeCell(how)} |`),
  ];
}

/** Names with words around the code stay readable. */
function code(name: string): string {
  return `\`${escapeCell(name)}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}
