import type Docker from "dockerode";
import { ifThere, statusOf } from "./engine-connection.ts";
import type { EngineParts } from "./engine-parts.ts";
import type { ImageLedger, KnownImage } from "./image-ledger.ts";

export function sumImages(ledger: ImageLedger): number {
  return ledger.list().reduce((sum, image) => sum + image.bytes, 0);
}

/** See `ContainerEngine.dropImages`. Sizes are the engine's: what images share is counted with each. */
export async function dropImages(
  { docker, ledger, wanted }: Pick<EngineParts, "docker" | "ledger" | "wanted">,
  bytesMax: number,
): Promise<{ readonly droppedCount: number; readonly bytes: number }> {
  const inUse = new Set((await docker.listContainers({ all: true })).map((one) => one.ImageID));
  const oldestFirst = [...ledger.list()].sort((a, b) => a.usedAtMs - b.usedAtMs);
  let droppedCount = 0;
  for (const image of oldestFirst) {
    if (sumImages(ledger) <= bytesMax) break;
    if (inUse.has(image.id) || wanted.has(image.id)) continue;
    if (await drop(docker, image)) {
      ledger.forget(image.id);
      droppedCount++;
    }
  }
  return { droppedCount, bytes: sumImages(ledger) };
}

/** False when somebody has begun to use it meanwhile. Names that others gave it stay, and the image with them. */
async function drop(docker: Docker, { id, names }: KnownImage): Promise<boolean> {
  try {
    for (const name of names) {
      const found = await ifThere(() => docker.getImage(name).inspect());
      if (found?.Id === id) await ifThere(() => docker.getImage(name).remove());
    }
    const left = await ifThere(() => docker.getImage(id).inspect());
    if (left !== undefined && (left.RepoTags ?? []).length === 0) await ifThere(() => docker.getImage(id).remove());
    return true;
  } catch (error) {
    if (statusOf(error) === 409) return false;
    throw error;
  }
}
