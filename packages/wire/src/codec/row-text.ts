/** Postgres stores no U+0000, so a sender replaces it rather than have its report refused; a receiver checks. */
export const packRowText = (text: string): string => text.replaceAll("\0", "\uFFFD");

export const packOptionalRowText = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : packRowText(text);
