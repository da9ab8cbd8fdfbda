import { systemClock } from "@windrow/service";
import { runCli } from "../src/run-cli.ts";
import { captureStream } from "./capture-output.ts";

/** One command line in this process; without a farm unless the environment names one. */
export async function runOffline(
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly terminal?: { readonly columns: number; readonly rows: number };
  },
) {
  const out = captureStream(options.terminal);
  const err = captureStream(options.terminal);
  const code = await runCli({
    args,
    out,
    err,
    // nobody's configuration is read
    environment: { HOME: options.cwd, XDG_DATA_HOME: `${options.cwd}/.no-farm`, ...options.environment },
    cwd: options.cwd,
    clock: systemClock,
    withInterrupt: (work) => work(new AbortController().signal),
  });
  return { code, out: out.text(), err: err.text() };
}
