/**
 * Where actions find the results service, by the address of the gateway: names under `localhost` are not resolved by
 * every program. The toolkit looks at the name of GITHUB_SERVER_URL only to decide what it may ask for.
 */
export function resultsVariables(options: {
  /** `http://127.0.0.1:PORT/`. */
  readonly gatewayUrl: string;
  readonly runtimeToken: string;
}): { readonly [name: string]: string } {
  const { gatewayUrl, runtimeToken } = options;
  return {
    ACTIONS_RUNTIME_URL: gatewayUrl,
    ACTIONS_RESULTS_URL: gatewayUrl,
    ACTIONS_CACHE_URL: gatewayUrl,
    ACTIONS_CACHE_SERVICE_V2: "True",
    ACTIONS_RUNTIME_TOKEN: runtimeToken,
  };
}
