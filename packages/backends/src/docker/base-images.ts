import { BackendFault } from "../backend-fault.ts";
import { readImageName } from "./image-name.ts";

/** More than any Dockerfile that somebody wrote. */
const CHARS_MAX = 1024 * 1024;
const LINES_MAX = 20_000;
const ARGUMENT = /(?<name>[A-Za-z_]\w*)(?:=(?:"(?<quoted>[^"]*)"|'(?<literal>[^']*)'|(?<plain>\S*)))?/g;

/**
 * The images that a Dockerfile builds on or copies from, by their full names, as the engine's builder reads it: global
 * arguments put in, stages of its own and `scratch` left out. Throws `container_refused` for what a workflow may not name:
 * the engine itself would take an image's number, or the beginning of one, and open what another job's password pulled.
 */
export function readBaseImages(text: string, args: { readonly [name: string]: string }): readonly string[] {
  if (text.length > CHARS_MAX) throw refused(`the Dockerfile has more than ${CHARS_MAX} characters`);
  const images = new Set<string>();
  const stages = new Set<string>();
  const values = new Map<string, string>();
  let stagesCount = 0;
  const add = (name: string) => {
    if (name === "scratch" || stages.has(name.toLowerCase())) return;
    images.add(readBaseName(name));
  };
  for (const [word, rest] of readInstructions(text)) {
    if (word === "ARG" && stagesCount === 0) readArguments(rest, args, values);
    if (word === "FROM") {
      const { flags, words } = splitFlags(rest);
      if (flags.some((flag) => !flag.startsWith("--platform="))) throw refused(`FROM ${rest} cannot be told`);
      const [image = "", as, stage] = words;
      add(putIn(image, values));
      if (as?.toUpperCase() === "AS" && stage !== undefined) stages.add(stage.toLowerCase());
      stagesCount++;
    }
    if (word === "COPY" || word === "ADD") addCopied(rest, stagesCount, add);
    // it runs in a build on top of this image, which nobody can name
    if (word === "ONBUILD" && /--from/i.test(rest)) throw refused("ONBUILD with --from is not possible here");
  }
  return [...images];
}

/** What an image that is built on does by itself at that moment; from elsewhere it may copy nothing. */
export function refuseCopyingTriggers(image: string, triggers: readonly string[]): void {
  const copying = triggers.find((trigger) => /--from/i.test(trigger));
  if (copying === undefined) return;
  throw refused(`the image ${image} copies from another image when it is built on (ONBUILD ${copying.slice(0, 100)})`);
}

function addCopied(rest: string, stagesCount: number, add: (name: string) => void): void {
  for (const flag of splitFlags(rest).flags) {
    const [, from] = /^--from=(.*)$/i.exec(flag) ?? [];
    if (from === undefined) continue;
    if (/^\d+$/.test(from) && Number(from) < stagesCount) continue;
    if (from.includes("$")) throw refused(`--from=${from}: an argument cannot stand there`);
    add(from);
  }
}

/** Without a tag letters of numbers could be the beginning of an image's number. */
function readBaseName(name: string): string {
  if (/^[0-9a-f]+$/.test(name)) {
    throw refused(
      `the Dockerfile names the image "${name}" without its tag; write ${name}:latest, or the tag that is meant`,
    );
  }
  return readImageName(name).full;
}

/** Instructions in upper case with the rest of their line; comments left out, continued lines joined. */
function* readInstructions(text: string): Generator<readonly [word: string, rest: string]> {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  if (lines.length > LINES_MAX) throw refused(`the Dockerfile has more than ${LINES_MAX} lines`);
  const continued = readEscape(lines) === "`" ? /`[ \t]*$/ : /\\[ \t]*$/;
  let line = "";
  for (const one of lines) {
    if (/^\s*#/.test(one) || (line !== "" && one.trim() === "")) continue;
    if (continued.test(one)) {
      line += one.replace(continued, "");
      continue;
    }
    const [, word, rest = ""] = /^\s*(\S+)\s*([\s\S]*)$/.exec(line + one) ?? [];
    line = "";
    if (word !== undefined) yield [word.toUpperCase(), rest.trim()];
  }
  const [, word, rest = ""] = /^\s*(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
  if (word !== undefined) yield [word.toUpperCase(), rest.trim()];
}

/** The parser's directives stand before everything else. */
function readEscape(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name, value] = /^\s*#\s*([A-Za-z]\w*)\s*=\s*(.+?)\s*$/.exec(line) ?? [];
    if (name === undefined) return "\\";
    if (name.toLowerCase() === "escape") return value ?? "\\";
  }
  return "\\";
}

function splitFlags(rest: string): { readonly flags: readonly string[]; readonly words: readonly string[] } {
  const all = rest.split(/\s+/);
  const first = all.findIndex((word) => !word.startsWith("--"));
  return first < 0 ? { flags: all, words: [] } : { flags: all.slice(0, first), words: all.slice(first) };
}

function readArguments(rest: string, args: { readonly [name: string]: string }, values: Map<string, string>): void {
  for (const { groups } of rest.matchAll(ARGUMENT)) {
    const { name = "", quoted, literal, plain = "" } = groups ?? {};
    values.set(name, args[name] ?? literal ?? putIn(quoted ?? plain, values));
  }
}

/** `$name`, `${name}`, `${name:-word}`, `${name:+word}`. */
function putIn(text: string, values: ReadonlyMap<string, string>): string {
  const filled = text.replace(
    /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:[-+])([^${}]*))?\})/g,
    (_all, plain?: string, braced?: string, how?: string, word = "") => {
      const value = values.get(plain ?? braced ?? "") ?? "";
      if (how === ":-") return value === "" ? word : value;
      if (how === ":+") return value === "" ? "" : word;
      return value;
    },
  );
  if (/[$"'\\`]/.test(filled)) throw refused(`FROM ${text.slice(0, 200)}: which image that is cannot be told`);
  return filled;
}

function refused(why: string): BackendFault {
  return new BackendFault("container_refused", why);
}
