import { type Problem, type ProblemCode, problemSchema } from "@windrow/contract";
import { CliError } from "../cli-error.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

const EXITS: Record<ProblemCode, ExitCode> = {
  invalid: EXIT.usage,
  unauthenticated: EXIT.notAllowed,
  not_allowed: EXIT.notAllowed,
  not_found: EXIT.notFound,
  conflict: EXIT.failed,
  too_large: EXIT.usage,
  too_many: EXIT.failed,
  method_not_allowed: EXIT.failed,
  unavailable: EXIT.failed,
  internal: EXIT.failed,
};

/** The farm refused: `problem` as it came, `status` for those who decide about trying again. */
export class ApiError extends CliError {
  readonly status: number;
  readonly problem: Problem | undefined;

  constructor(
    message: string,
    options: { code: string; exitCode: ExitCode; hint?: string; status: number; problem?: Problem },
  ) {
    super(message, options);
    this.name = "ApiError";
    this.status = options.status;
    this.problem = options.problem;
  }
}

/** An answer that is not a success → what to tell the person. */
export async function responseToError(response: Response): Promise<ApiError> {
  const text = await response.text();
  const { status } = response;
  const parsed = problemSchema.safeParse(parseJsonOrNothing(text));
  if (!parsed.success) {
    const exitCode = status === 401 || status === 403 ? EXIT.notAllowed : status === 404 ? EXIT.notFound : EXIT.failed;
    return new ApiError(`${new URL(response.url).origin} answered ${status} ${response.statusText}`, {
      code: "bad_answer",
      exitCode,
      status,
      hint: "Is this the address of a Windrow farm? Check with: windrow doctor",
    });
  }
  const problem = parsed.data;
  // the farm speaks to programs of headers; people here give flags
  const hint = problem.code === "unauthenticated" ? TOKEN_HINT : problem.hint;
  return new ApiError(describeProblem(problem), {
    code: problem.code,
    exitCode: EXITS[problem.code],
    status,
    problem,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** People gave arguments and flags, and need not know in which part of a request those travel. */
function describeProblem({ detail, fields }: Problem): string {
  if (fields === undefined || fields.length === 0) return detail;
  return fields
    .map(({ path, message }) => {
      const name = path.replace(/^(?:body|params|querystring|headers)\/?/, "").replaceAll("/", ".");
      return name === "" ? message : `${name}: ${message}`;
    })
    .join("; ");
}

const TOKEN_HINT = "Give a valid token with --token or WINDROW_TOKEN; an admin makes one with: windrow token create";

function parseJsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** No answer came from `url`. */
export function unreachable(url: string, cause: unknown): CliError {
  return new CliError(`${url} cannot be reached: ${reasonOf(cause)}`, {
    code: "unreachable",
    hint: "Is the farm running, and is the address right? Start one here with `windrow up`, check with `windrow doctor`",
    cause,
  });
}

/** True when the connection was never made, so that nothing was asked yet. */
export function isConnectFailure(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"].includes(code);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return cause.message || (codeOf(error) ?? error.message);
  return error.message;
}

function codeOf(error: unknown): string | undefined {
  const source = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return source instanceof Error && "code" in source && typeof source.code === "string" ? source.code : undefined;
}
