import type { Diagnostic } from "@windrow/model";
import { type Language, type ParseWorker, parseSettings } from "@windrow/workflow";
import type { WorkflowFile } from "./read-workflow-files.ts";

export const SETTINGS_PATH = ".windrow/settings.yml";
/** Settings are short; larger ones are refused unread. */
export const SETTINGS_BYTES_MAX = 16 * 1024;

/** The complaints about a repository's settings; none where it has no such file. */
export async function checkSettings(
  settings: WorkflowFile | undefined,
  parser: Pick<ParseWorker, "check">,
): Promise<readonly Diagnostic[]> {
  if (settings === undefined) return [];
  if (settings.text !== null) return parser.check(settings.path, settings.text);
  return [
    {
      severity: "error",
      code: "limit-file",
      message: `the settings have ${Math.ceil(settings.sizeBytes / 1024)} KiB; the limit is ${SETTINGS_BYTES_MAX / 1024} KiB`,
      hint: "make the file smaller",
      file: settings.path,
      line: 1,
      column: 1,
    },
  ];
}

/** What the settings say the project is written in. Read here, as the file is small; mistakes are told by `checkSettings`. */
export function readLanguage(settings: WorkflowFile | undefined): Language | undefined {
  if (settings === undefined || settings.text === null) return undefined;
  return parseSettings({ path: settings.path, text: settings.text }).settings?.language;
}
