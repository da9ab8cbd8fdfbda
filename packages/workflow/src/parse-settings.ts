import type { Diagnostic } from "@windrow/model";
import { LANGUAGES, type Language } from "./detect-language.ts";
import { Diagnostics } from "./diagnostics.ts";
import { readFile } from "./read/read-file.ts";
import { ignore } from "./read/refuse.ts";
import { SETTINGS_FILE } from "./read/settings-file.ts";
import { type Entry, entriesOf, isNull, itemsOf, positionOf } from "./read/tokens.ts";

/** What `.windrow/settings.yml` says: what the workflow syntax has no key for. */
export interface Settings {
  readonly version: 1;
  /** Instead of the language that the project's files show; asked where there is no workflow file. */
  readonly language?: Language;
  /** Files that decide whether an earlier result can be used again (patterns). */
  readonly reuse?: { readonly inputs: readonly string[] };
  /** Files with test results (patterns). */
  readonly tests?: { readonly reports: readonly string[] };
  /** Workflows of other repositories that must have succeeded. */
  readonly needs: readonly { readonly repository: string; readonly workflow?: string; readonly branch?: string }[];
  /** Environments with their rules. */
  readonly deploy: readonly {
    readonly environment: string;
    readonly branches?: readonly string[];
    readonly url?: string;
  }[];
}

export interface ParseSettingsResult {
  /** Present when there is no error among the diagnostics. */
  readonly settings?: Settings;
  readonly diagnostics: readonly Diagnostic[];
}

/** Sections that are read and not obeyed yet. */
const WITHOUT_EFFECT: ReadonlyMap<string, string> = new Map([
  ["reuse", "every job runs"],
  ["tests", "test reports are not read"],
  ["needs", "runs do not wait for other repositories"],
  ["deploy", "environments have no rules"],
]);

const REPOSITORY = /^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/;

/** Reads `.windrow/settings.yml`. Never throws for what stands in the file; keys it does not know are refused. */
export function parseSettings({ path, text }: { path: string; text: string }): ParseSettingsResult {
  const collected = new Diagnostics(path);
  const file = readFile({ path, text, kind: SETTINGS_FILE }, collected);
  if (file === undefined) return { diagnostics: collected.list() };
  const diagnostics = collected.through(file.locate);
  const draft: { -readonly [Key in keyof Settings]: Settings[Key] } = { version: 1, needs: [], deploy: [] };
  for (const entry of entriesOf(file.root)) {
    readSection(entry, draft, diagnostics);
    const hint = WITHOUT_EFFECT.get(entry.key);
    if (hint !== undefined) ignore(diagnostics, entry.at, `'${entry.key}'`, hint);
  }
  return { ...(!diagnostics.hasErrors && { settings: draft }), diagnostics: diagnostics.list() };
}

function readSection(
  { key, at, value }: Entry,
  draft: { -readonly [Key in keyof Settings]: Settings[Key] },
  diagnostics: Diagnostics,
): void {
  const inside = new Map(entriesOf(value).map((entry) => [entry.key, entry]));
  switch (key) {
    case "version":
      if (value.toString() === "1") return;
      diagnostics.error(positionOf(value, at), {
        code: "unexpected-value",
        message: `version ${value.toString()} of the settings is not known`,
        hint: "write 1",
      });
      return;
    case "language": {
      const language = LANGUAGES.find((one) => one === value.toString());
      if (language !== undefined) draft.language = language;
      return;
    }
    case "reuse":
      draft.reuse = { inputs: texts(inside.get("inputs")) };
      return;
    case "tests":
      draft.tests = { reports: texts(inside.get("reports")) };
      return;
    case "needs":
      draft.needs = itemsOf(value).map((item) => readNeed(item, diagnostics));
      return;
    case "deploy":
      draft.deploy = entriesOf(value).map(readTarget);
  }
}

function readNeed(item: Entry["value"], diagnostics: Diagnostics): Settings["needs"][number] {
  const given = new Map(entriesOf(item).map((entry) => [entry.key, entry]));
  const text = (key: string): string | undefined => given.get(key)?.value.toString();
  const [repository = "", workflow, branch] = [text("repository"), text("workflow"), text("branch")];
  if (repository !== "" && !REPOSITORY.test(repository)) {
    const message = `'${repository}' is no repository`;
    diagnostics.error(positionOf(item), { code: "unexpected-value", message, hint: "write owner/name" });
  }
  return { repository, ...(workflow !== undefined && { workflow }), ...(branch !== undefined && { branch }) };
}

function readTarget({ key: environment, value }: Entry): Settings["deploy"][number] {
  const given = new Map(entriesOf(value).map((entry) => [entry.key, entry]));
  const [branches, url] = [given.get("branches"), given.get("url")?.value.toString()];
  return {
    environment,
    ...(branches !== undefined && { branches: texts(branches) }),
    ...(url !== undefined && { url }),
  };
}

function texts(entry: Entry | undefined): string[] {
  return entry === undefined || isNull(entry.value) ? [] : itemsOf(entry.value).map(String);
}
