import {
  type ContainerAllowances,
  type ContainerDefinition,
  isBelow,
  isEngineSocket,
  type Position,
  readContainerOptions,
  readContainerVolume,
} from "@windrow/model";
import { hasExpression } from "../compile-template.ts";

/** What of a container is refused, as far as it stands in the file as it will be. */
export interface ContainerRefusal {
  /** A sentence. */
  readonly message: string;
  readonly position: Position | undefined;
}

/** Names of images begin with a letter or a digit: what begins otherwise would be taken for something else by somebody. */
const IMAGE = /^(?:docker:\/\/)?[A-Za-z0-9]\S*$/;

/** What a container may not have under these allowances. Texts with expressions are judged where their values are known. */
export function findContainerRefusals(
  container: ContainerDefinition,
  allowances: ContainerAllowances,
): ContainerRefusal[] {
  const { image, options = "", volumes, optionsPosition, volumesPosition } = container;
  const refusals: ContainerRefusal[] = [];
  if (image !== "" && !hasExpression(image) && !IMAGE.test(image)) {
    refusals.push({ message: `"${image}" is no name of an image`, position: container.imagePosition });
  }
  const read = hasExpression(options) ? { options } : readContainerOptions(options, allowances);
  if ("problem" in read) refusals.push({ message: read.problem, position: optionsPosition });
  for (const volume of volumes) {
    const message = hasExpression(volume) ? undefined : findVolumeProblem(volume, allowances);
    if (message !== undefined) refusals.push({ message, position: volumesPosition });
  }
  return refusals;
}

/** Whether a folder of the machine is the job's own shows where it runs. */
function findVolumeProblem(text: string, { volumes }: ContainerAllowances): string | undefined {
  const read = readContainerVolume(text);
  if ("problem" in read) return read.problem;
  const { source } = read.volume;
  if (source === undefined || !isEngineSocket(source) || isBelow(source, volumes)) return undefined;
  return `the volume "${text}" is refused: with the engine's socket a job has the whole machine`;
}
