const BLOCK_BYTES = 512;
const PATH_BYTES_MAX = 100;

/** The header of one file in a tar archive (ustar), the same whenever and by whomever it is made. */
export function tarHeader(file: { readonly path: string; readonly bytesCount: number; readonly mode: number }): Buffer {
  const { path, bytesCount, mode } = file;
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw new Error(`${path} is too long a name for the archive`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number) =>
    header.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  header.write(path, 0);
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytesCount, 124, 11);
  octal(0, 136, 11);
  header.write("        ", 148, "latin1");
  header.write("0", 156, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** What fills a file's last block. */
export const tarPadding = (bytesCount: number): Buffer =>
  Buffer.alloc((BLOCK_BYTES - (bytesCount % BLOCK_BYTES)) % BLOCK_BYTES);

/** The end of an archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK_BYTES);
