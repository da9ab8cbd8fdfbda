import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { ActionDefinition, CompositeRuns, DockerRuns, JavaScriptRuns, TemplateMap } from "@windrow/model";
import { checkSteps } from "../check/check-expressions.ts";
import type { KnownNames } from "../check/check-paths.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { readBareCondition } from "./read-condition.ts";
import { readSteps } from "./read-steps.ts";
import { refuse } from "./refuse.ts";
import { type Entry, entriesOf, positionOf, readTemplateList, readTemplateMap } from "./tokens.ts";

/** What `runs` says, and the ids of its steps. */
export interface ReadRuns {
  readonly runs?: ActionDefinition["runs"];
  readonly steps: KnownNames;
}

/** `runs:` of an action, of the kind that `using` names. */
export function readRuns({ at, value }: Entry, inputs: KnownNames, diagnostics: Diagnostics): ReadRuns {
  const entries = new Map(entriesOf(value).map((entry) => [entry.key, entry]));
  const using = entries.get("using");
  const kind = using?.value.toString() ?? "";
  const none: KnownNames = new Map();
  const read = new Runs(entries, diagnostics);
  if (kind === "composite") {
    const steps = entries.get("steps");
    if (steps === undefined) return missing("steps", { at, kind }, diagnostics);
    const known = checkSteps(steps.value, { inputs }, diagnostics);
    return { runs: read.composite(steps), steps: known };
  }
  if (kind === "docker") {
    const image = read.text("image");
    return image === undefined
      ? missing("image", { at, kind }, diagnostics)
      : { runs: read.docker(image), steps: none };
  }
  if (/^node\d+$/.test(kind)) {
    const main = read.text("main");
    return main === undefined
      ? missing("main", { at, kind }, diagnostics)
      : { runs: read.javaScript(kind, main), steps: none };
  }
  const hint = "known are composite, docker, node20 and node24";
  if (using !== undefined) refuse(diagnostics, positionOf(using.value, using.at), `'using: ${kind}'`, hint);
  return { steps: none };
}

function missing(key: string, { at, kind }: { at: Entry["at"]; kind: string }, diagnostics: Diagnostics): ReadRuns {
  const message = `an action with 'using: ${kind}' has the key '${key}'`;
  diagnostics.error(at, { code: "missing-key", message, hint: `add '${key}'` });
  return { steps: new Map() };
}

/** The entries of one `runs:` map. */
class Runs {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #diagnostics: Diagnostics;

  constructor(entries: ReadonlyMap<string, Entry>, diagnostics: Diagnostics) {
    this.#entries = entries;
    this.#diagnostics = diagnostics;
  }

  text(key: string): string | undefined {
    return this.#entries.get(key)?.value.toString();
  }

  composite(steps: { readonly value: TemplateToken; readonly at: Entry["at"] }): CompositeRuns {
    return { kind: "composite", steps: readSteps(steps.value, steps.at, this.#diagnostics) };
  }

  javaScript(using: string, main: string): JavaScriptRuns {
    const [pre, post] = [this.text("pre"), this.text("post")];
    return {
      kind: "javascript",
      using,
      main,
      ...(pre !== undefined && { pre }),
      ...(post !== undefined && { post }),
      ...this.#conditions(),
    };
  }

  docker(image: string): DockerRuns {
    const args = this.#entries.get("args");
    const entrypoint = this.text("entrypoint");
    const preEntrypoint = this.text("pre-entrypoint");
    const postEntrypoint = this.text("post-entrypoint");
    return {
      kind: "docker",
      image,
      args: args === undefined ? [] : readTemplateList(args.value, args.at, this.#diagnostics),
      env: this.#map("env"),
      ...(entrypoint !== undefined && { entrypoint }),
      ...(preEntrypoint !== undefined && { preEntrypoint }),
      ...(postEntrypoint !== undefined && { postEntrypoint }),
      ...this.#conditions(),
    };
  }

  #map(key: string): TemplateMap {
    const entry = this.#entries.get(key);
    return entry === undefined ? [] : readTemplateMap(entry.value, key, this.#diagnostics);
  }

  #conditions(): { readonly preCondition: string; readonly postCondition: string } {
    return { preCondition: this.#condition("pre-if"), postCondition: this.#condition("post-if") };
  }

  #condition(key: string): string {
    const entry = this.#entries.get(key);
    if (entry === undefined) return "always()";
    return readBareCondition(entry.value, entry.at, this.#diagnostics) ?? "always()";
  }
}
