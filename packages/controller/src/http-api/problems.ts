import type { Problem, ProblemCode } from "@windrow/contract";
import { Refusal, type RefusalCode } from "@windrow/model";
import { isDatabaseAway } from "@windrow/store";
import type { FastifyError } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";

/** The one table from refusals to HTTP. `revoked` and `unsupported_version` belong to agents and never reach this door. */
const BY_REFUSAL: Record<RefusalCode, { readonly status: number; readonly code: ProblemCode }> = {
  unauthenticated: { status: 401, code: "unauthenticated" },
  not_allowed: { status: 403, code: "not_allowed" },
  not_found: { status: 404, code: "not_found" },
  invalid: { status: 400, code: "invalid" },
  conflict: { status: 409, code: "conflict" },
  too_large: { status: 413, code: "too_large" },
  too_many: { status: 429, code: "too_many" },
  revoked: { status: 409, code: "conflict" },
  unsupported_version: { status: 400, code: "invalid" },
};

const TITLES: Record<ProblemCode, string> = {
  invalid: "The request is not valid",
  unauthenticated: "Who are you?",
  not_allowed: "Not allowed",
  not_found: "Not found",
  conflict: "Not possible now",
  too_large: "Too large",
  too_many: "Too many requests",
  method_not_allowed: "Not this method",
  unavailable: "Not available now",
  internal: "Something broke here",
};

export function problem(code: ProblemCode, status: number, detail: string, requestId: string): Problem {
  return { type: "about:blank", title: TITLES[code], status, code, detail, request_id: requestId };
}

const LIMITS: Readonly<Record<string, string>> = {
  "<=": "at most",
  ">=": "at least",
  "<": "less than",
  ">": "more than",
};

/** `Too big: expected number to be <=9` → `must be at most 9` */
function sayLimit(message: string): string {
  return message.replace(
    /^Too (?:big|small): expected \w+ to (be|have) ([<>]=?)/,
    (_all, verb: string, sign: string) => `must ${verb} ${LIMITS[sign]} `,
  );
}

/** What a caller is told of an error. Bugs say nothing of themselves; `isBug` asks for a log line. */
export function describeError(
  error: FastifyError | Error,
  requestId: string,
): { readonly problem: Problem; readonly isBug: boolean } {
  if (error instanceof Refusal) {
    const { status, code } = BY_REFUSAL[error.code];
    const answer = problem(code, status, error.message, requestId);
    return { problem: error.hint === undefined ? answer : { ...answer, hint: error.hint }, isBug: false };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const fields = error.validation.map((issue) => ({
      path: `${error.validationContext ?? ""}${issue.instancePath}`,
      message: sayLimit(issue.message ?? "not valid"),
    }));
    const detail = fields.map((field) => `${field.path}: ${field.message}`).join("; ");
    return { problem: { ...problem("invalid", 400, detail, requestId), fields }, isBug: false };
  }
  const status = "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;
  if (status === 413) return { problem: problem("too_large", 413, error.message, requestId), isBug: false };
  if (status >= 400 && status < 500)
    return { problem: problem("invalid", status, error.message, requestId), isBug: false };
  if (isDatabaseAway(error)) {
    const answer = problem("unavailable", 503, "the database cannot be reached now", requestId);
    return { problem: { ...answer, hint: "try again in a few seconds" }, isBug: false };
  }
  const answer = problem(
    "internal",
    500,
    "something broke here; the controller's log has this request's id",
    requestId,
  );
  return { problem: answer, isBug: true };
}
