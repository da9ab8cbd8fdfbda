/** One word of POSIX shell, whatever `text` holds (NUL excepted, which no argument can hold). */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
