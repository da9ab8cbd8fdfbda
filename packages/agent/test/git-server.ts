import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const AUTHOR = {
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
};

/** The controller's git address: real git behind it, and a note of every token that came. */
export interface GitServer {
  readonly url: string;
  readonly folder: string;
  /** Of every request since the last look. */
  takeTokens(): string[];
  /** Bytes that were answered since the last look, and what was asked. */
  takeTraffic(): { readonly bytes: number; readonly requests: readonly string[] };
  git(cwd: string, ...args: string[]): string;
  /** Makes `owner/name` and pushes what `fill` puts into a fresh work tree; answers the commit. */
  add(repository: string, fill: (work: string, git: (...args: string[]) => string) => void): string;
  stop(): void;
}

export async function startGitServer(): Promise<GitServer> {
  const folder = mkdtempSync(join(tmpdir(), "windrow-checkout-"));
  const tokens = new Set<string>();
  let bytes = 0;
  let requests: string[] = [];
  const git = (cwd: string, ...args: string[]) =>
    execFileSync("git", args, {
      cwd,
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", HOME: folder, GIT_ALLOW_PROTOCOL: "file", ...AUTHOR },
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 64 * 1024 * 1024,
    }).trim();

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const [, text = ""] = (request.headers.authorization ?? "").split(" ");
    tokens.add(Buffer.from(text, "base64").toString().replace("x-access-token:", ""));
    const url = new URL(request.url ?? "/", "http://localhost");
    requests.push(`${request.method} ${url.pathname}${url.search}`);
    const backend = spawn("git", ["http-backend"], {
      env: {
        PATH: "/usr/bin:/bin",
        GIT_PROJECT_ROOT: join(folder, "git"),
        GIT_HTTP_EXPORT_ALL: "1",
        GIT_CONFIG_COUNT: "2",
        GIT_CONFIG_KEY_0: "uploadpack.allowAnySHA1InWant",
        GIT_CONFIG_VALUE_0: "true",
        GIT_CONFIG_KEY_1: "uploadpack.allowFilter",
        GIT_CONFIG_VALUE_1: "true",
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
        PATH_INFO: url.pathname.replace(/^\/git/, ""),
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? "GET",
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        REMOTE_USER: "job",
      },
    });
    request.pipe(backend.stdin);
    // git leaves early where there is nothing to read
    backend.stdin.on("error", () => backend.stdin.destroy());
    let head: Buffer | undefined = Buffer.alloc(0);
    backend.stdout.on("data", (piece: Buffer) => {
      bytes += piece.length;
      if (head === undefined) return void response.write(piece);
      head = Buffer.concat([head, piece]);
      const split = head.indexOf("\r\n\r\n");
      if (split < 0) return;
      for (const line of head.subarray(0, split).toString().split("\r\n")) {
        const [name = "", value = ""] = line.split(": ");
        if (name.toLowerCase() === "status") response.statusCode = Number(value.slice(0, 3));
        else response.setHeader(name, value);
      }
      response.write(head.subarray(split + 4));
      head = undefined;
    });
    backend.on("close", () => response.end());
  }

  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    folder,
    takeTokens() {
      const seen = [...tokens];
      tokens.clear();
      return seen;
    },
    takeTraffic() {
      const seen = { bytes, requests };
      bytes = 0;
      requests = [];
      return seen;
    },
    git,
    add(repository, fill) {
      const bare = join(folder, "git", `${repository}.git`);
      const work = join(folder, "work", repository);
      mkdirSync(work, { recursive: true });
      mkdirSync(bare, { recursive: true });
      git(bare, "init", "-q", "--bare", "-b", "main");
      git(work, "init", "-q", "-b", "main");
      git(work, "remote", "add", "origin", bare);
      writeFileSync(join(work, "file"), "one\n");
      git(work, "add", "file");
      git(work, "commit", "-qm", "first");
      fill(work, (...args) => git(work, ...args));
      // git-lfs puts a hook there, which would ask servers that stand still until the push ends
      git(work, "push", "-q", "--no-verify", "--tags", "origin", "HEAD:refs/heads/main");
      return git(work, "rev-parse", "HEAD");
    },
    stop() {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
