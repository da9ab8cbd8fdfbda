import type Docker from "dockerode";
import { ProviderError } from "../provider-error.ts";
import { statusOf, wordsOf } from "./engine-error.ts";

/**
 * Lets the engine pull the image. Throws ProviderError with the engine's words: retryable when the registry could not be
 * asked, not when it has no such image or refuses it.
 */
export async function pullImage(engine: Docker, image: string, signal: AbortSignal): Promise<void> {
  try {
    const progress = await engine.pull(withTag(image), { abortSignal: signal });
    await new Promise<void>((resolve, reject) => {
      engine.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
    });
  } catch (error) {
    signal.throwIfAborted();
    const words = wordsOf(error);
    const status = statusOf(error);
    const isRefused =
      (status !== undefined && status < 500) || /not found|manifest unknown|denied|invalid reference/i.test(words);
    throw new ProviderError(`the image ${image} could not be pulled: ${words}`, {
      retryable: !isRefused,
      cause: error,
    });
  }
}

/** Without a tag the engine would pull every tag there is. */
function withTag(image: string): string {
  return image.includes("@") || /:[^/]*$/.test(image) ? image : `${image}:latest`;
}
