const BLOCK_BYTES = 512;

/** Where an agent's container finds its join token. */
export const TOKEN_FILE = "/run/windrow/join-token";

/**
 * A tar archive with the token's file in a folder of its own, both root's alone: it is put into a container before that
 * starts, and so stands neither in the container's description nor in its environment.
 */
export function packToken(token: string): Buffer {
  const content = Buffer.from(`${token}\n`);
  const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
  const [, run, folder, file] = TOKEN_FILE.split("/");
  return Buffer.concat([
    header({ name: `${run}/${folder}/`, mode: 0o700, bytes: 0, type: "5" }),
    header({ name: `${run}/${folder}/${file}`, mode: 0o400, bytes: content.length, type: "0" }),
    content,
    padding,
    Buffer.alloc(2 * BLOCK_BYTES),
  ]);
}

/** One header of the ustar format. */
function header(entry: { name: string; mode: number; bytes: number; type: "0" | "5" }): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, chars: number) => `${value.toString(8).padStart(chars - 1, "0")}\0`;
  block.write(entry.name, 0, 100, "latin1");
  block.write(octal(entry.mode, 8), 100, "latin1");
  block.write(octal(0, 8), 108, "latin1");
  block.write(octal(0, 8), 116, "latin1");
  block.write(octal(entry.bytes, 12), 124, "latin1");
  block.write(octal(0, 12), 136, "latin1");
  block.write(" ".repeat(8), 148, "latin1");
  block.write(entry.type, 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
