import { Refusal } from "@windrow/model";

/** Room for a number of things at a time, with a bounded line of those who wait. */
export interface Slots {
  /** Resolves with the function that gives the place back. Throws `too_many` when the line is full, or on abort. */
  take(signal: AbortSignal): Promise<() => void>;
}

export function createSlots(options: { readonly what: string; readonly max: number; readonly lineMax: number }): Slots {
  let used = 0;
  const line: (() => void)[] = [];
  const giveBack = (): void => {
    const next = line.shift();
    if (next === undefined) used -= 1;
    else next();
  };
  const once = (): (() => void) => {
    let given = false;
    return () => {
      if (given) return;
      given = true;
      giveBack();
    };
  };
  return {
    async take(signal) {
      if (used < options.max) {
        used += 1;
        return once();
      }
      if (line.length >= options.lineMax) {
        throw new Refusal("too_many", `too many ${options.what} at once`, { hint: "try again in a few seconds" });
      }
      await new Promise<void>((resolve, reject) => {
        const enter = (): void => {
          signal.removeEventListener("abort", leave);
          resolve();
        };
        const leave = (): void => {
          const place = line.indexOf(enter);
          if (place >= 0) line.splice(place, 1);
          reject(new Refusal("too_many", `${options.what}: nobody waits any more`));
        };
        line.push(enter);
        signal.addEventListener("abort", leave, { once: true });
      });
      return once();
    },
  };
}
