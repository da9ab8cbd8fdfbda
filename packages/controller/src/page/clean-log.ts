const ESC = "\u001b";
// CSI (colours, cursor), OSC (titles, links) up to BEL or ST, and two-character escapes
const SEQUENCES = new RegExp(
  `${ESC}\\[[0-?]*[ -/]*[@-~]|${ESC}\\][^\\u0007${ESC}]*(?:\\u0007|${ESC}\\\\)?|${ESC}[ -/]*[0-~]`,
  "g",
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** Log bytes as plain text for a page: no terminal sequences, no control characters, wrong UTF-8 as U+FFFD. */
export function cleanLog(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8").decode(bytes);
  return text.replace(SEQUENCES, "").replace(/\r\n?/g, "\n").replace(CONTROLS, "");
}
