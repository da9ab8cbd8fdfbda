import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { hasCode } from "@windrow/service";
import type { GitEnvironment } from "./git-environment.ts";

const HEADER_BYTES_MAX = 16 * 1024;

export interface BackendRequest {
  readonly environment: GitEnvironment;
  /** Folder of the repository. */
  readonly folder: string;
  /** `/info/refs`, `/git-upload-pack` or `/git-receive-pack`. */
  readonly service: string;
  readonly method: "GET" | "POST";
  readonly query: string;
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly gitProtocol: string | undefined;
  readonly user: string;
  readonly address: string;
  /** Additions to the environment, for hooks. */
  readonly extraEnv?: Readonly<Record<string, string>>;
}

export interface BackendHeader {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface BackendProcess {
  readonly child: ChildProcess;
  /** Write the request's body here. */
  readonly stdin: NodeJS.WritableStream;
  /** Resolves with the header once it came; the body is then what remains in `body`. */
  readonly header: Promise<BackendHeader>;
  readonly body: Readable;
  /** Resolves with what it complained about when it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly complaint: string }>;
  /** Ends it and what it started. */
  terminate(): void;
}

/** Starts `git http-backend` as a CGI child in its own process group. Nothing is buffered but the header. */
export function startHttpBackend(request: BackendRequest): BackendProcess {
  const env: Record<string, string> = {
    ...request.environment.env,
    ...request.extraEnv,
    GIT_PROJECT_ROOT: request.folder,
    PATH_INFO: request.service,
    REQUEST_METHOD: request.method,
    QUERY_STRING: request.query,
    REMOTE_USER: request.user,
    REMOTE_ADDR: request.address,
    SERVER_PROTOCOL: "HTTP/1.1",
    GATEWAY_INTERFACE: "CGI/1.1",
  };
  if (request.contentType !== undefined) env.CONTENT_TYPE = request.contentType;
  if (request.contentLength !== undefined) env.CONTENT_LENGTH = request.contentLength;
  if (request.contentEncoding !== undefined) env.HTTP_CONTENT_ENCODING = request.contentEncoding;
  if (request.gitProtocol !== undefined) env.GIT_PROTOCOL = request.gitProtocol;
  const child = spawn("git", ["http-backend"], { env, cwd: request.folder, detached: true, stdio: "pipe" });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  // the other end goes away when git is done reading or dies; its exit code tells which
  child.stdin.on("error", () => child.stdin.destroy());
  const ended = new Promise<{ code: number | null; complaint: string }>((resolve) => {
    child.once("error", (error) => resolve({ code: null, complaint: error.message }));
    child.once("close", (code) => resolve({ code, complaint: complaint.trim() }));
  });
  return {
    child,
    stdin: child.stdin,
    header: readHeader(child.stdout, ended),
    body: child.stdout,
    ended,
    terminate() {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      try {
        process.kill(-child.pid, "SIGTERM");
      } catch (error) {
        if (!hasCode(error, "ESRCH")) throw error;
      }
    },
  };
}

async function readHeader(
  stdout: Readable,
  ended: Promise<{ code: number | null; complaint: string }>,
): Promise<BackendHeader> {
  let head = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const onReadable = (): void => {
      for (;;) {
        const chunk: unknown = stdout.read();
        if (!Buffer.isBuffer(chunk)) return;
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0 && head.length < HEADER_BYTES_MAX) continue;
        stdout.off("readable", onReadable);
        if (end < 0) reject(new Error("git http-backend sent no end of header"));
        else {
          const rest = head.subarray(end + 4);
          if (rest.length > 0) stdout.unshift(rest);
          resolve(parseHeader(head.subarray(0, end).toString("latin1")));
        }
        return;
      }
    };
    stdout.on("readable", onReadable);
    void ended.then(({ code, complaint }) =>
      reject(new Error(`git http-backend ended (${code ?? "not started"}) without an answer: ${complaint}`)),
    );
  });
}

function parseHeader(text: string): BackendHeader {
  let status = 200;
  const headers: [string, string][] = [];
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "status") status = Number.parseInt(value, 10) || 500;
    else headers.push([name, value]);
  }
  return { status, headers };
}
