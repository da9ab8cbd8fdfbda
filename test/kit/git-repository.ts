import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createTemporaryFolder } from "./temporary-folder.ts";
import { gitTrust } from "./trust-authority.ts";

export interface GitAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A work tree of a test, with its own identity and no configuration of this machine's user. */
export class GitRepository {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(files: Record<string, string> = {}): Promise<GitRepository> {
    const repository = new GitRepository(createTemporaryFolder("windrow-repo-"));
    await repository.git("init", "-q", "-b", "main");
    if (Object.keys(files).length > 0) await repository.commit(files);
    return repository;
  }

  /** Writes files and commits everything; returns the commit's id. */
  async commit(files: Record<string, string>, message = "change"): Promise<string> {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.dir, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    await this.git("add", "-A");
    await this.git("commit", "-q", "--allow-empty", "-m", message);
    return (await this.git("rev-parse", "HEAD")).stdout.trim();
  }

  /** Pushes to `url` with the token as password. Never throws for git's own exit code. */
  push(options: { url: string; token: string; refspec?: string; pushOptions?: readonly string[] }): Promise<GitAnswer> {
    const target = new URL(options.url);
    target.username = "windrow";
    target.password = options.token;
    const args = (options.pushOptions ?? []).flatMap((one) => ["-o", one]);
    return run(this.dir, ["push", ...args, target.href, options.refspec ?? "HEAD:refs/heads/main"]);
  }

  async git(...args: string[]): Promise<GitAnswer> {
    const answer = await run(this.dir, args);
    if (answer.code !== 0) throw new Error(`git ${args.join(" ")}: ${answer.stderr}`);
    return answer;
  }
}

function run(cwd: string, args: readonly string[]): Promise<GitAnswer> {
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: cwd,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    ...gitTrust(),
    GIT_AUTHOR_NAME: "Test",
    GIT_AUTHOR_EMAIL: "test@example.invalid",
    GIT_COMMITTER_NAME: "Test",
    GIT_COMMITTER_EMAIL: "test@example.invalid",
  };
  return new Promise((resolve) => {
    execFile("git", args, { cwd, env, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr });
    });
  });
}
