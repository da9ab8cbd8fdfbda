import { type FSWatcher, watch } from "node:fs";

const FIRST_LOOK_MS = 15;
/** A step that ends sooner needs no watcher of its own. */
const WATCH_AFTER_MS = 60;
/** In case the kernel's news are missed; also how long a file that does not exist yet is waited for. */
const LOOK_EVERY_MS = 250;

/** Calls `onChange` soon after the file at `path` grew (it may not exist yet), until the answer is called. */
export function watchSpool(path: string, onChange: () => void): () => void {
  let watcher: FSWatcher | undefined;
  const look = () => {
    watcher ??= tryWatch(path, onChange);
    onChange();
  };
  const first = setTimeout(onChange, FIRST_LOOK_MS);
  const second = setTimeout(look, WATCH_AFTER_MS);
  const timer = setInterval(look, LOOK_EVERY_MS);
  return () => {
    clearTimeout(first);
    clearTimeout(second);
    clearInterval(timer);
    watcher?.close();
  };
}

function tryWatch(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    // The file went, or the kernel has no watch left: the timer goes on.
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch (error) {
    if (error instanceof Error && "code" in error && typeof error.code === "string") return undefined;
    throw error;
  }
}
