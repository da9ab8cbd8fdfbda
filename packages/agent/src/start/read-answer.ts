import { ConfigError } from "./config-error.ts";
import type { PostAnswer } from "./post-json.ts";

/** A controller's JSON answer, field by field. */
export interface AnswerFields {
  /** Throws ConfigError when it is not there. */
  read(key: string): string;
  value(key: string): unknown;
}

export function readAnswer({ body }: PostAnswer, controllerUrl: string): AnswerFields {
  const answer = parse(body);
  const value = (key: string): unknown => (answer === undefined ? undefined : Reflect.get(answer, key));
  return {
    value,
    read(key) {
      const text = value(key);
      if (typeof text === "string" && text !== "") return text;
      throw new ConfigError(`${controllerUrl} does not answer like a Windrow controller: ${key} is missing`);
    },
  };
}

/** Why a controller refused: its own words and its hint (`application/problem+json`), else the status code. */
export function readProblem({ body, code }: PostAnswer): string {
  const answer = parse(body);
  const words = answer === undefined ? [] : [Reflect.get(answer, "detail"), Reflect.get(answer, "title")];
  const text = words.find((word) => typeof word === "string" && word !== "");
  const hint: unknown = answer === undefined ? undefined : Reflect.get(answer, "hint");
  const why = typeof text === "string" ? text : `HTTP ${code}`;
  return typeof hint === "string" && hint !== "" ? `${why}; ${hint}` : why;
}

/** What a controller calls its refusal; undefined for an answer of anybody else, a proxy say. */
export function readProblemCode({ body }: PostAnswer): string | undefined {
  const answer = parse(body);
  const code: unknown = answer === undefined ? undefined : Reflect.get(answer, "code");
  return typeof code === "string" ? code : undefined;
}

/** Whether another try may have another answer. */
export function isPassing({ code }: PostAnswer): boolean {
  return code >= 500 || code === 429;
}

export const isGood = ({ code }: PostAnswer): boolean => code >= 200 && code <= 299;

function parse(body: string): object | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
