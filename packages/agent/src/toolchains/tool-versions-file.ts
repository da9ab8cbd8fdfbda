/** The version that a line `NAME VERSION` of a `.tool-versions` file gives one of `names`. */
export function toolVersionOf(text: string, names: readonly string[]): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    const [name = "", version] = line.replace(/#.*$/, "").trim().split(/\s+/);
    if (version !== undefined && names.includes(name)) return version.replace(/^v(?=\d)/, "");
  }
  return undefined;
}
