import type { RouteDefinition } from "@windrow/contract";

/** Path and query of a request. Parameters come from the input's `params`, absent query values are left out. */
export function buildPath(
  route: Pick<RouteDefinition, "path">,
  input: { readonly params?: object | undefined; readonly query?: object | undefined },
): string {
  const params = new Map(Object.entries(input.params ?? {}));
  const path = route.path.replace(/:([a-z_]+)/g, (_, name: string) =>
    encodeURIComponent(String(params.get(name) ?? "")),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {}))
    if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query}`;
}
