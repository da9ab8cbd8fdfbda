import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** A folder of real workflow files beside the repository, which is not part of it. */
export const CORPUS_FOLDER = join(root, "..", "shared", "corpus");

/** One file, as the manifest of the folder describes it. */
export interface CorpusFile {
  readonly file: string;
  readonly repo: string;
  /** Where it stands in its repository. */
  readonly path: string;
  /** Null where the number depends on outputs of jobs. */
  readonly jobList: readonly { readonly id: string; readonly instances: number | null }[];
}

/** What the manifest says of every file; nothing where the folder is absent. */
export function findCorpus(folder: string = CORPUS_FOLDER): readonly CorpusFile[] | undefined {
  const manifest = join(folder, "manifest.json");
  if (!existsSync(manifest)) return undefined;
  const { files }: { files: CorpusFile[] } = JSON.parse(readFileSync(manifest, "utf8"));
  return files;
}

/** The words in place of a check that needs the folder. */
export const NO_CORPUS = `skipped: there are no real workflow files in ${CORPUS_FOLDER}`;
