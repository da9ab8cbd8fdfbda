/** How programs of a job find its proxy; both ways of writing, because programs read one or the other. */
export function proxyVariables(options: {
  readonly proxyPort: number;
  /** Names on the job's own network. */
  readonly serviceNames: readonly string[];
}): { readonly [name: string]: string } {
  const url = `http://127.0.0.1:${options.proxyPort}`;
  const direct = ["localhost", "127.0.0.1", "::1", "windrow.localhost", ".localhost", ...options.serviceNames].join(
    ",",
  );
  return {
    HTTP_PROXY: url,
    HTTPS_PROXY: url,
    NO_PROXY: direct,
    http_proxy: url,
    https_proxy: url,
    no_proxy: direct,
    NODE_USE_ENV_PROXY: "1",
  };
}
