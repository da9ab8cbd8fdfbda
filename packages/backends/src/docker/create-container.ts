import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import { statusOf, wordsOf } from "./engine-connection.ts";

export interface CreateRequest {
  readonly docker: Docker;
  readonly name: string;
  readonly body: Docker.ContainerCreateOptions;
  readonly platform?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the container, or finds the one that has the name already. The description goes as the request's body alone: the
 * client would put it into the address as well, where it is too long and shows in logs. Throws `container_refused` for what
 * the engine will not make.
 */
export async function createContainer({
  docker,
  name,
  body,
  platform,
  signal,
}: CreateRequest): Promise<Docker.Container> {
  const request = {
    _query: { name, ...(platform !== undefined && { platform }) },
    _body: body,
  };
  signal?.throwIfAborted();
  try {
    // not cut short: the engine would make it all the same, after everybody has looked for what is to go
    return await docker.createContainer(request as Docker.ContainerCreateOptions);
  } catch (error) {
    const status = statusOf(error);
    if (status === 409 && /already in use/.test(wordsOf(error))) return docker.getContainer(name);
    if (status === 400) throw new BackendFault("container_refused", wordsOf(error), { cause: error });
    throw error;
  }
}

/** Starts it. What cannot be started because of what it was asked to run is the workflow's fault, not the world's. */
export async function startContainer(container: Docker.Container, signal?: AbortSignal): Promise<void> {
  try {
    await container.start({ ...(signal !== undefined && { abortSignal: signal }) });
  } catch (error) {
    if (statusOf(error) === 304) return;
    const words = wordsOf(error);
    if (
      /executable file not found|no such file or directory|permission denied|unable to find user|no such user|not a directory/i.test(
        words,
      )
    ) {
      throw new BackendFault("container_refused", words, { cause: error });
    }
    throw error;
  }
}
