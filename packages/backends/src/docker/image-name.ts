import { BackendFault } from "../backend-fault.ts";

export interface ImageName {
  /** With a tag or a digest. */
  readonly full: string;
  /** `docker.io` where none is named. */
  readonly registry: string;
  readonly isPinned: boolean;
}

/** Images of these names are the agent's own affair. */
export const OWN_IMAGES = "windrow-agent/";

const PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(
  `^(?:((?:[A-Za-z0-9-]+\\.)+[A-Za-z0-9-]+(?::\\d+)?|localhost(?::\\d+)?|[A-Za-z0-9-]+:\\d+|\\[[0-9a-fA-F:]+\\](?::\\d+)?)/)?` +
    `(${PART}(?:/${PART})*)(?::([\\w][\\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?$`,
);
const NAME_CHARS_MAX = 512;

/** Throws `container_refused` for what is no name of an image. */
export function readImageName(image: string): ImageName {
  const [, registry = "docker.io", path = "", tag, digest] = (image.length <= NAME_CHARS_MAX && NAME.exec(image)) || [];
  if (path === "") throw new BackendFault("container_refused", `"${image.slice(0, 200)}" is no name of an image`);
  if (isImageId(image) || path.startsWith(OWN_IMAGES)) {
    throw new BackendFault("container_refused", `"${image}" is not an image that a workflow may name`);
  }
  const full = tag === undefined && digest === undefined ? `${image}:latest` : image;
  return { full, registry, isPinned: digest !== undefined };
}

/** As the engine numbers its images. */
export function isImageId(image: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(image);
}
