const SKIP_WORDS = ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"];

/** What in the message of a head commit asks for no run: one of the words in brackets, or the trailer at its end. */
export function findSkipWord(message: string): string | undefined {
  const word = SKIP_WORDS.find((one) => message.includes(one));
  if (word !== undefined) return word;
  const lines = message.trimEnd().split("\n");
  const last = lines.at(-1)?.trim() ?? "";
  return lines.length > 1 && /^skip-checks: ?true$/.test(last) ? last : undefined;
}
