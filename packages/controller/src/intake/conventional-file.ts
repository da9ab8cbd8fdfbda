import type { Diagnostic } from "@windrow/model";
import { CONVENTIONAL_FILES_READ, CONVENTIONAL_PATH, conventionalWorkflow, type Language } from "@windrow/workflow";
import type { ReaderPool } from "../git/reader-pool.ts";
import type { TreeEntry, WorkflowFile } from "./read-workflow-files.ts";

/** How the runs of it are named, so that nobody looks for the file in vain. */
export const CONVENTIONAL_FILE_PATH = `${CONVENTIONAL_PATH} (conventional)`;
const TEXT_BYTES_MAX = 1024 * 1024;

/**
 * The workflow of a repository that has no workflow file, by its project files; nothing when no language shows.
 * `language`: where its settings say it.
 */
export async function readConventionalFile(
  { reader, folder }: { readonly reader: ReaderPool; readonly folder: string },
  entries: readonly TreeEntry[],
  language: Language | undefined,
): Promise<WorkflowFile | undefined> {
  const wanted = entries.filter(({ name, isFile }) => isFile && CONVENTIONAL_FILES_READ.some((one) => one === name));
  const texts = await Promise.all(
    wanted.map(async ({ name, oid }) => {
      const blob = await reader.read(folder, oid, TEXT_BYTES_MAX);
      return [name, blob?.bytes?.toString("utf8") ?? ""] as const;
    }),
  );
  const made = conventionalWorkflow({
    names: entries.map((entry) => entry.name),
    texts: Object.fromEntries(texts),
    ...(language !== undefined && { language }),
  });
  if (made === undefined) return undefined;
  const { text } = made;
  return { path: CONVENTIONAL_FILE_PATH, text, sizeBytes: Buffer.byteLength(text), language: made.language };
}

/** What a run of it says of itself. */
export function conventionalNote(language: string): Diagnostic {
  return {
    severity: "warning",
    code: "conventional",
    message: `the repository has no workflow file; what runs is the usual workflow of a ${language} project`,
    hint: `\`windrow init\` writes it to ${CONVENTIONAL_PATH}, to be changed and committed`,
    file: CONVENTIONAL_FILE_PATH,
    line: 1,
    column: 1,
  };
}
