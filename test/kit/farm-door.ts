/** The HTTP API of a farm, from this process or another. */
export interface FarmDoor {
  readonly url: string;
  api<T>(method: string, path: string, options?: { body?: unknown; bearer?: string }): Promise<T>;
}

/** The door of the farm at `url` for whoever has this token. */
export function openFarmDoor(url: string, token: string): FarmDoor {
  return {
    url,
    api: (method, path, { body, bearer = token } = {}) => callApi(url + path, { method, body, bearer }),
  };
}

/** One call; throws with the answer's text when it is not 2xx. */
export async function callApi<T>(
  url: string,
  { method, body, bearer }: { readonly method: string; readonly body: unknown; readonly bearer: string },
): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname}: ${response.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}
