/** A volume of a container as a workflow writes it. */
export interface ContainerVolume {
  /** A name, an absolute path, or nothing: a volume without a name. */
  readonly source?: string;
  readonly target: string;
  readonly isReadOnly: boolean;
}

/** How the engine's socket is called, wherever it is. */
const ENGINE_SOCKETS = ["docker.sock", "containerd.sock", "podman.sock"];
const FLAGS = ["ro", "rw", "z", "Z", "delegated", "cached", "consistent"];

/** Reads `name:/path`, `/path`, `/path:/path[:ro]`. Whether a folder may be named shows only where the job runs. */
export function readContainerVolume(text: string): { readonly volume: ContainerVolume } | { readonly problem: string } {
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const flags = parts.length > 1 && !last.startsWith("/") ? (parts.pop() ?? "").split(",") : [];
  const [first = "", second] = parts;
  const refuse = (why: string) => ({ problem: `the volume "${text}" is refused: ${why}` });
  if (parts.length > 2) return refuse("it is not SOURCE:TARGET or SOURCE:TARGET:ro");
  const [source, target] = second === undefined ? [undefined, first] : [first, second];
  const flag = flags.find((one) => !FLAGS.includes(one));
  if (flag !== undefined) return refuse(`"${flag}" is not ro or rw`);
  if (!isCleanPath(target) || target === "/")
    return refuse("a volume's place in a container is an absolute path without ..");
  if (source?.startsWith("/") === true ? !isCleanPath(source) : source !== undefined && !isVolumeName(source)) {
    return refuse("its source is neither a name nor an absolute path without ..");
  }
  return { volume: { ...(source !== undefined && { source }), target, isReadOnly: flags.includes("ro") } };
}

/** True when a path below `folders` or one of them is meant. */
export function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`));
}

export function isEngineSocket(path: string): boolean {
  return ENGINE_SOCKETS.includes(path.slice(path.lastIndexOf("/") + 1));
}

/** Absolute, and the same to everybody who reads it. */
export function isCleanPath(path: string): boolean {
  return path.startsWith("/") && !path.includes("\0") && !path.split("/").includes("..");
}

function isVolumeName(name: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,127}$/.test(name);
}
