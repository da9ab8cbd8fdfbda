import { systemClock } from "@windrow/service";
import { EXIT } from "./exit-codes.ts";
import { withInterrupt } from "./interrupt.ts";
import { runCli } from "./run-cli.ts";

// a reader that leaves (`windrow run logs | head`) is no fault of ours
process.stdout.on("error", (error) => {
  if ("code" in error && error.code === "EPIPE") process.exit(EXIT.ok);
  throw error;
});

const args = process.argv.slice(2);
// From here on the process list shows this in place of a token.
if (args.some((arg) => /^--token(=|$)/.test(arg))) process.title = "windrow";

const exitCode = await runCli({
  args,
  out: process.stdout,
  err: process.stderr,
  environment: process.env,
  cwd: process.cwd(),
  clock: systemClock,
  withInterrupt,
});
if (exitCode !== EXIT.ok) process.exitCode = exitCode;
