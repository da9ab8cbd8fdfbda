/** An absent optional field is an absent property, so that values compare equal after a round trip. */
export function present<K extends string, T>(name: K, value: T | undefined): { readonly [key in K]?: T } {
  const entry: { [key in K]?: T } = {};
  return value === undefined ? entry : Object.assign(entry, { [name]: value });
}
