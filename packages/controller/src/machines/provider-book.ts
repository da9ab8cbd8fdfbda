import type { ProviderSettings } from "@windrow/model";
import { type AgentProvider, createProvider, ProviderError, type ProviderHost } from "@windrow/providers";

/** The providers of all settings that there are, each opened once. */
export interface ProviderBook {
  /** Throws ProviderError when the settings cannot be right. */
  open(settings: ProviderSettings): AgentProvider;
  /** Closes those whose settings nobody has any more. */
  keep(keys: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

/** Settings that are the same have the same key: the database writes the keys of an object in an order of its own. */
export const keyOf = (settings: ProviderSettings): string => JSON.stringify(settings);

export function createProviderBook(
  host: ProviderHost,
  create: (settings: ProviderSettings, host: ProviderHost) => AgentProvider = createProvider,
): ProviderBook {
  const opened = new Map<string, AgentProvider>();

  async function keep(keys: ReadonlySet<string>): Promise<void> {
    for (const [key, provider] of opened) {
      if (keys.has(key)) continue;
      opened.delete(key);
      await provider.close();
    }
  }

  return {
    open(settings) {
      const key = keyOf(settings);
      const known = opened.get(key);
      if (known !== undefined) return known;
      try {
        const provider = create(settings, host);
        opened.set(key, provider);
        return provider;
      } catch (error) {
        if (error instanceof ProviderError) throw error;
        // settings that an older version stored, or a later one
        throw new ProviderError(`the pool's provider cannot be used: ${error instanceof Error ? error.message : ""}`, {
          retryable: false,
          cause: error,
        });
      }
    },
    keep,
    close: () => keep(new Set()),
  };
}
