/** So many numbered lines of `lineBytes` each, newline included. */
export function logLines(count: number, lineBytes: number): Buffer {
  const bytes = Buffer.alloc(count * lineBytes, "windrow log line ");
  for (let no = 0; no < count; no++) {
    bytes.write(`${no + 1}`.padStart(8, "0"), no * lineBytes, "latin1");
    bytes[(no + 1) * lineBytes - 1] = 0x0a;
  }
  return bytes;
}
