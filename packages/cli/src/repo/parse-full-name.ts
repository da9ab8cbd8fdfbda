import { usageError } from "../cli-error.ts";

/** `owner/name` → its parts. Errors: CliError `usage`. */
export function parseFullName(text: string): { owner: string; name: string } {
  const [owner, name, ...rest] = text.split("/");
  if (owner === undefined || owner === "" || name === undefined || name === "" || rest.length > 0) {
    throw usageError(`${JSON.stringify(text)} is not owner/name`, "See them with: windrow repo list");
  }
  return { owner, name };
}
