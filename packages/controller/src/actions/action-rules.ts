/** `*`, `owner/*` or `owner/name`, without regard to case. */
export type RepositoryPattern = string;

/** Where actions and called workflows come from, and which may be used. */
export interface ActionSettings {
  /** Git repositories, bare or not, at OWNER/NAME or OWNER/NAME.git below this folder. */
  readonly mirrorDir?: string;
  /** A git server over HTTP(S): repositories at URL/OWNER/NAME.git. */
  readonly baseUrl?: string;
  /** Repositories that workflows may use at all. */
  readonly allowed: readonly RepositoryPattern[];
  /** Hosted repositories that every owner's runs may use; others serve runs of their own owner only. */
  readonly shared: readonly RepositoryPattern[];
}

export const NO_ACTION_SOURCES: ActionSettings = { allowed: ["*"], shared: [] };

const PATTERN = /^(?:\*|[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\/(?:\*|[A-Za-z0-9_.-]{1,100}))$/;

export const isRepositoryPattern = (text: string): boolean => PATTERN.test(text);

/** Whether `owner/name` is one of those meant. */
export function matchesRepository(patterns: readonly RepositoryPattern[], repository: string): boolean {
  const name = repository.toLowerCase();
  return patterns.some((pattern) => {
    const wanted = pattern.toLowerCase();
    return wanted === "*" || wanted === name || (wanted.endsWith("/*") && name.startsWith(wanted.slice(0, -1)));
  });
}

/** A whole commit id. */
export const isCommit = (ref: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref);

// what git itself forbids in names of refs, and nothing that a command line could take for something else
const FORBIDDEN = /[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|^[-/.]|\/[./]|[/.]$|\.lock(?:\/|$)/;

/** Whether git allows the name for a branch or tag. */
export const isRefName = (ref: string): boolean => ref !== "" && ref !== "@" && !FORBIDDEN.test(ref);
