/** Different refusals that a job's log tells of; a program that tries in a loop fills no log. */
const LINES_MAX = 20;

/** Tells each refusal once, and only so many. */
export function createRefusalLines(say: (line: string) => void): (why: string) => void {
  const told = new Set<string>();
  return (why) => {
    if (told.size > LINES_MAX || told.has(why)) return;
    told.add(why);
    say(told.size > LINES_MAX ? "More connections were refused; they are not listed." : why);
  };
}
