/** PEM ends with its line. */
export const withNewline = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`);
