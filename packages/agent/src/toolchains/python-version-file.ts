import { readWorkspaceFile } from "./read-workspace-file.ts";
import { toolVersionOf } from "./tool-versions-file.ts";

export type PythonWish =
  | { readonly kind: "range"; readonly range: string }
  | { readonly kind: "unknown"; readonly why: string };

/** Reads `python-version` as written: `3.12`, `3.x`, `3.13-dev`, `>=3.9 <3.13`, or the comparisons of PEP 440. */
export function readPythonWish(text: string): PythonWish {
  const wish = text.trim().toLowerCase();
  if (/^(?:pypy|graalpy)/.test(wish)) return { kind: "unknown", why: "only CPython is set up here" };
  if (/^\d+\.\d+t(?:-dev)?$/.test(wish)) return { kind: "unknown", why: "free-threaded builds are not set up here" };
  const dev = /^(\d+\.\d+)-dev$/.exec(wish)?.[1];
  return { kind: "range", range: dev === undefined ? toRange(wish) : `~${dev}.0-0` };
}

/** `>=3.10,<4`, `~=3.10`, `==3.11.*` in the words of semver; what has no word there is left out. */
function toRange(text: string): string {
  return text
    .split(",")
    .map((part) => part.trim())
    .flatMap((part) => {
      if (part.startsWith("!=")) return [];
      const compatible = /^~=\s*(\d+)\.(\d+)(?:\.(\d+))?$/.exec(part);
      if (compatible !== null) {
        const [, major = "", minor = "", patch] = compatible;
        return [patch === undefined ? `>=${major}.${minor} <${Number(major) + 1}` : `~${major}.${minor}.${patch}`];
      }
      return [part.replace(/^===?\s*/, "").replaceAll("*", "x")];
    })
    .join(" ");
}

/** The version that a file of the workspace names: `pyproject.toml`, `Pipfile`, `.tool-versions` or `.python-version`. */
export function readPythonVersionFile(workspaceDir: string, path: string): string | undefined {
  const text = readWorkspaceFile(workspaceDir, path);
  if (text === undefined) return undefined;
  if (path.endsWith("pyproject.toml")) {
    // blanks within the line alone: a file of empty lines must not be gone through from each of them
    const project = /^[ \t]*requires-python[ \t]*=[ \t]*["']([^"'\n]+)["']/m.exec(text)?.[1];
    const poetry = /^[ \t]*python[ \t]*=[ \t]*["']([^"'\n]+)["']/m.exec(text)?.[1];
    return project ?? poetry;
  }
  if (path.endsWith("Pipfile"))
    return /^[ \t]*python_(?:full_)?version[ \t]*=[ \t]*["']([^"'\n]+)["']/m.exec(text)?.[1];
  const tool = toolVersionOf(text, ["python"]);
  if (tool !== undefined) return tool.replace(/^python-/, "");
  const lines = text.split(/\r?\n/).map((one) => one.replace(/#.*$/, "").trim());
  return lines.find((line) => line !== "")?.replace(/^python-/, "");
}
