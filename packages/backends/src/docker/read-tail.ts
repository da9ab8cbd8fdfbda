import type Docker from "dockerode";
import { LogFrames } from "./log-frames.ts";

const LINES = 64;
const CHARS_MAX = 16_384;

/** The last lines that the container's program wrote. */
export async function readTail(container: Docker.Container): Promise<string> {
  const log = await container.logs({ stdout: true, stderr: true, tail: LINES, follow: false });
  const pieces = new LogFrames().push(log).map((frame) => frame.bytes.toString("utf8"));
  return pieces.join("").trim().slice(-CHARS_MAX);
}
