/** The five fields of a schedule as the values they allow. */
export interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
  /** A day must fit both day fields unless both are written down: then one of them is enough. */
  readonly isEitherDay: boolean;
}

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly names?: readonly string[];
}

const FIELDS: readonly [Field, Field, Field, Field, Field] = [
  { name: "minute", from: 0, to: 59 },
  { name: "hour", from: 0, to: 23 },
  { name: "day of the month", from: 1, to: 31 },
  { name: "month", from: 1, to: 12, names: "jan feb mar apr may jun jul aug sep oct nov dec".split(" ") },
  { name: "day of the week", from: 0, to: 6, names: "sun mon tue wed thu fri sat".split(" ") },
];

/** Reads `minute hour day-of-month month day-of-week`; answers a sentence about what is wrong with it. */
export function parseCron(text: string): Cron | string {
  const words = text.trim().split(/\s+/);
  if (words.length !== FIELDS.length) return `a schedule has 5 fields, not ${text.trim() === "" ? 0 : words.length}`;
  const sets: Set<number>[] = [];
  for (const [at, field] of FIELDS.entries()) {
    const set = parseField(words[at] ?? "", field);
    if (typeof set === "string") return set;
    sets.push(set);
  }
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = sets;
  if (!minutes || !hours || !daysOfMonth || !months || !daysOfWeek) return "a schedule has 5 fields";
  const isEitherDay = !words[2]?.startsWith("*") && !words[4]?.startsWith("*");
  return { minutes, hours, daysOfMonth, months, daysOfWeek, isEitherDay };
}

/** One moment in the time zone of the schedule. */
export interface CronMoment {
  readonly minute: number;
  readonly hour: number;
  readonly dayOfMonth: number;
  readonly month: number;
  readonly dayOfWeek: number;
}

/** Whether a schedule names this minute. */
export function matchesCron(cron: Cron, { minute, hour, dayOfMonth, month, dayOfWeek }: CronMoment): boolean {
  if (!cron.minutes.has(minute) || !cron.hours.has(hour) || !cron.months.has(month)) return false;
  const [byMonth, byWeek] = [cron.daysOfMonth.has(dayOfMonth), cron.daysOfWeek.has(dayOfWeek)];
  return cron.isEitherDay ? byMonth || byWeek : byMonth && byWeek;
}

function parseField(word: string, field: Field): Set<number> | string {
  const values = new Set<number>();
  for (const part of word.split(",")) {
    const [, range = "", step] = /^([^/]+)(?:\/(\d+))?$/.exec(part) ?? [];
    const bounds = parseRange(range, field, step !== undefined);
    const by = step === undefined ? 1 : Number(step);
    if (bounds === undefined || by < 1) {
      return `'${part}' is no ${field.name}: numbers from ${field.from} to ${field.to}, '*', ranges, lists and steps`;
    }
    for (let value = bounds[0]; value <= bounds[1]; value += by) values.add(value);
  }
  return values;
}

function parseRange(range: string, field: Field, hasStep: boolean): [number, number] | undefined {
  if (range === "*") return [field.from, field.to];
  const [first = "", last, ...more] = range.split("-");
  const from = parseValue(first, field);
  const to = last === undefined ? (hasStep ? field.to : from) : parseValue(last, field);
  if (from === undefined || to === undefined || more.length > 0 || from > to) return undefined;
  return [from, to];
}

function parseValue(word: string, { from, to, names }: Field): number | undefined {
  const named = names?.indexOf(word.toLowerCase()) ?? -1;
  if (named >= 0) return named + from;
  const value = /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN;
  return value >= from && value <= to ? value : undefined;
}
