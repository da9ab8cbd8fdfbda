import { CONVENTIONAL_STEPS, type ConventionalStep } from "./conventional-steps.ts";
import { detectLanguage, type Language } from "./detect-language.ts";

/** Where the conventional workflow is written, and what a run of it is called by. */
export const CONVENTIONAL_PATH = ".windrow/workflows/ci.yml";

/** Files of a root whose text makes the conventional workflow fit better; it works without them. */
export const CONVENTIONAL_FILES_READ = [
  "pyproject.toml",
  "requirements.txt",
  "requirements-dev.txt",
  "requirements-test.txt",
  "dev-requirements.txt",
  "setup.py",
  "setup.cfg",
  "tox.ini",
  "Pipfile",
  "Makefile",
  "makefile",
  "GNUmakefile",
] as const;

export interface ConventionalWorkflow {
  readonly language: Language;
  /** The workflow file, to be read by people and changed by them. */
  readonly text: string;
}

/**
 * A workflow that installs and tests a project the way its language usually does, made from what stands in the root of
 * the repository; undefined when no language shows. `texts` are the files of `CONVENTIONAL_FILES_READ` as far as known.
 */
export function conventionalWorkflow(root: {
  readonly names: readonly string[];
  readonly texts?: Readonly<Record<string, string>>;
  /** Where somebody knows better. */
  readonly language?: Language;
}): ConventionalWorkflow | undefined {
  const language = root.language ?? detectLanguage(root.names);
  if (language === undefined) return undefined;
  const names = new Set(root.names);
  const steps = CONVENTIONAL_STEPS[language]({
    has: (...wanted) => wanted.some((name) => names.has(name)),
    text: (name) => root.texts?.[name] ?? "",
  });
  // what every machine that builds anything has is no label of its own
  const labels = language === "make" ? "linux" : `[linux, ${language}]`;
  const lines = [
    "# What Windrow does with a project of this kind that has no workflow file. Change it as you like.",
    "name: CI",
    "",
    "on: [push, pull_request, workflow_dispatch]",
    "",
    "jobs:",
    "  test:",
    `    name: Install and test (${language})`,
    `    runs-on: ${labels}`,
    "    steps:",
    "      - name: Check out",
    "        uses: actions/checkout@v4",
    ...steps.flatMap(formatStep),
  ];
  return { language, text: `${lines.join("\n")}\n` };
}

function formatStep(step: ConventionalStep): string[] {
  const lines = [`      - name: ${step.name}`];
  if (step.uses !== undefined) lines.push(`        uses: ${step.uses}`);
  if (step.with !== undefined) {
    lines.push("        with:", ...step.with.map(([name, value]) => `          ${name}: ${value}`));
  }
  const [first, ...more] = step.run ?? [];
  if (first === undefined) return lines;
  if (more.length === 0) return [...lines, `        run: ${first}`];
  return [...lines, "        run: |", ...[first, ...more].map((line) => `          ${line}`)];
}
