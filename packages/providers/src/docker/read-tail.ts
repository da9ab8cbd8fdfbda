import type Docker from "dockerode";

const LINES = 20;
const FRAME_HEADER_BYTES = 8;

/** The last lines that the container's program wrote. */
export async function readTail(container: Docker.Container, signal: AbortSignal): Promise<string> {
  const frames = await container.logs({ stdout: true, stderr: true, tail: LINES, follow: false, abortSignal: signal });
  const lines: string[] = [];
  // each piece comes behind a header: which stream, three zeros, its length
  for (let at = 0; at + FRAME_HEADER_BYTES <= frames.length; ) {
    const end = at + FRAME_HEADER_BYTES + frames.readUInt32BE(at + 4);
    lines.push(frames.subarray(at + FRAME_HEADER_BYTES, end).toString("utf8"));
    at = end;
  }
  return lines.join("").trim();
}
