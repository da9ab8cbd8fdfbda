/** Asks until the answer is something other than false or undefined; throws after ten seconds. A throw counts as no. */
export async function waitFor<T>(what: string, look: () => T | undefined | false): Promise<T> {
  let last: unknown;
  for (let tries = 0; tries < 400; tries++) {
    try {
      const found = look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited in vain: ${what}`, { cause: last });
}
