/** A repository of a farm, as its git address names it; without an owner the farm's default owner is meant. */
export interface RemoteRepository {
  readonly owner: string | undefined;
  readonly name: string;
  /** `http://farm:7070`, without a trailing slash and without credentials. */
  readonly farmUrl: string;
}

const PATH = /^(?<prefix>.*)\/git\/(?:(?<owner>[^/]+)\/)?(?<name>[^/]+?)(?:\.git)?\/?$/;

/** Reads `http(s)://HOST/git/OWNER/NAME.git`; nothing when the address is not of that form. */
export function parseRemote(address: string): RemoteRepository | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  const groups = PATH.exec(url.pathname)?.groups;
  if (groups?.name === undefined) return undefined;
  return {
    owner: groups.owner === undefined ? undefined : decodeURIComponent(groups.owner),
    name: decodeURIComponent(groups.name),
    farmUrl: url.origin + (groups.prefix ?? ""),
  };
}
