import { CliError } from "../cli-error.ts";
import { runGit } from "./run-git.ts";

/** The root of the working tree that holds `folder`; undefined outside of one, and where there is no git. */
export async function findTop(folder: string): Promise<string | undefined> {
  try {
    const { stdout } = await runGit(["rev-parse", "--show-toplevel"], { cwd: folder });
    return stdout.trim();
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}
