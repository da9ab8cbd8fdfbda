import { chownSync, existsSync, mkdirSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { type ContainerAllowances, isBelow, readContainerVolume } from "@windrow/model";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import type { JobSite } from "../step-backend.ts";
import type { ContainerMount } from "./container-engine.ts";
import { labelsOf, nameOf, type Owner } from "./labels.ts";

export interface VolumeRequest {
  readonly owner: Owner;
  readonly site: JobSite;
  readonly allowances: ContainerAllowances;
  readonly mounts: readonly ContainerMount[];
  /** As a workflow writes them. */
  readonly volumes: readonly string[];
}

/**
 * What a container finds mounted. A volume with a name, or with none, goes with the job; a folder may be named below the
 * job's own, by its path on the machine or in the container, and where an admin allowed it. Links are followed before it is
 * judged, and no step of the job has run yet that could put another one there. Throws `container_refused`.
 */
export function resolveVolumes({ owner, site, allowances, mounts, volumes }: VolumeRequest): Docker.MountSettings[] {
  const given = mounts.map((mount) => bind(mount.source, mount.target, mount.isReadOnly === true));
  const asked = volumes.map((text) => {
    const read = readContainerVolume(text);
    if ("problem" in read) throw new BackendFault("container_refused", read.problem);
    const { source, target, isReadOnly } = read.volume;
    if (source?.startsWith("/") !== true) return named(owner, source, target, isReadOnly);
    const path = findFolder({ path: translate(source, mounts), site, allowances });
    if (path === undefined) {
      throw new BackendFault(
        "container_refused",
        `the volume "${text}" is refused: ${source} is not below the job's own folder; an admin can allow it in the job settings of the pool (volumes)`,
      );
    }
    return bind(path, target, isReadOnly);
  });
  // what the job needs itself is not to be covered
  const own = new Set(given.map((mount) => mount.Target));
  const covered = asked.find((mount) => own.has(mount.Target));
  if (covered !== undefined) {
    throw new BackendFault("container_refused", `the volume at ${covered.Target} is refused: the job's own is there`);
  }
  return [...given, ...asked];
}

function bind(source: string, target: string, isReadOnly: boolean): Docker.MountSettings {
  return { Type: "bind", Source: source, Target: target, ReadOnly: isReadOnly };
}

function named(owner: Owner, name: string | undefined, target: string, isReadOnly: boolean): Docker.MountSettings {
  const VolumeOptions = { NoCopy: false, Labels: labelsOf(owner), DriverConfig: { Name: "local", Options: {} } };
  const Source = name === undefined ? "" : nameOf(owner, "volume", name);
  return { Type: "volume", Source, Target: target, ReadOnly: isReadOnly, VolumeOptions };
}

/** A path as the job's container has it, on the machine. */
function translate(path: string, mounts: readonly ContainerMount[]): string {
  const mount = mounts
    .filter(({ target }) => isBelow(path, [target]))
    .sort((a, b) => b.target.length - a.target.length)[0];
  return mount === undefined ? path : `${mount.source}${path.slice(mount.target.length)}`;
}

function findFolder(options: {
  readonly path: string;
  readonly site: JobSite;
  readonly allowances: ContainerAllowances;
}): string | undefined {
  const { path, site, allowances } = options;
  const allowed = allowances.volumes.filter((folder) => existsSync(folder)).map((folder) => realpathSync(folder));
  if (existsSync(path)) {
    const real = realpathSync(path);
    return isBelow(real, [realpathSync(site.workDir), ...allowed]) ? real : undefined;
  }
  // as Docker does it, but as the job's own user
  let parent = dirname(path);
  while (!existsSync(parent)) parent = dirname(parent);
  const real = `${realpathSync(parent)}${path.slice(parent.length)}`;
  if (!isBelow(real, [realpathSync(site.workDir)])) return undefined;
  const first = mkdirSync(real, { recursive: true });
  if (site.user !== undefined && first !== undefined) {
    for (let made = real; made.length >= first.length; made = dirname(made))
      chownSync(made, site.user.uid, site.user.gid);
  }
  return real;
}
