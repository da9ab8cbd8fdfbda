/** `1 agent`, `3 agents`, `0 agents`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `the label gpu`, `the labels gpu and linux` */
export function nameLabels(labels: readonly string[]): string {
  return `the label${labels.length === 1 ? "" : "s"} ${joinAnd(labels)}`;
}

/** `a`, `a and b`, `a, b and c` */
export function joinAnd(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}

/** In one unit, for people: `14 s`, `3 min`, `2 h`, `4 d`. */
export function formatWait(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
