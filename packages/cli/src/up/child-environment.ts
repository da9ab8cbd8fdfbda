import path from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Left out for every child: they configure us or npm, not the farm. */
const DROPPED = /^(?:npm_|WINDROW_|INIT_CWD$|NODE_OPTIONS$|NODE$|COLOR$)/;

/**
 * What a controller or agent inherits: our environment as the person's shell had it. The folders that npm puts before the
 * PATH are taken off again, because jobs must find the machine's own programs and not those of this checkout.
 */
export function childEnvironment(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !DROPPED.test(name)) kept[name] = value;
  }
  kept.PATH = (environment.PATH ?? "/usr/local/bin:/usr/bin:/bin")
    .split(path.delimiter)
    .filter((folder) => !/\/node_modules\/\.bin$|\/node-gyp-bin$/.test(folder))
    .join(path.delimiter);
  return kept;
}
