import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { usageError } from "../cli-error.ts";
import { suggest } from "../output/suggest.ts";
import { SETTING_NAMES, type SettingName, type SettingValues } from "./settings.ts";

/** Text of `config.yaml` → settings. Errors: CliError `usage`, saying where. */
export function parseConfig(text: string, file: string): SettingValues {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [firstError] = document.errors;
  if (firstError !== undefined) throw usageError(`${place(firstError.pos[0])}: ${firstError.message}`);
  if (document.contents === null) return {};
  if (!isMap(document.contents)) {
    throw usageError(
      `${file}: expected keys and values`,
      "For example:\n  url: https://farm.example:7443\n  token: wru_…",
    );
  }
  const values: { [N in SettingName]?: string } = {};
  for (const { key, value } of document.contents.items) {
    const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
    const name = isScalar(key) ? String(key.value) : "";
    if (!isSettingName(name))
      throw usageError(`${place(offset)}: unknown key ${JSON.stringify(name)}`, unknownKeyHint(name));
    if (!isScalar(value) || typeof value.value !== "string")
      throw usageError(`${place(offset)}: ${name} must be a text`);
    values[name] = value.value;
  }
  return values;
}

function isSettingName(name: string): name is SettingName {
  return SETTING_NAMES.some((known) => known === name);
}

/** What to say of a key nobody knows. */
function unknownKeyHint(key: string): string {
  const near = suggest(key, SETTING_NAMES);
  return near === undefined ? `Known keys: ${SETTING_NAMES.join(", ")}` : `Did you mean ${near}?`;
}
