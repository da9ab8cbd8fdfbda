/** Runs `work` with a signal that aborts at Ctrl-C or SIGTERM, instead of these ending the process at once; a second one does. */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const abort = () => {
    interrupted.abort();
    forget();
  };
  const forget = () => {
    process.off("SIGINT", abort);
    process.off("SIGTERM", abort);
  };
  process.on("SIGINT", abort);
  process.on("SIGTERM", abort);
  try {
    return await work(interrupted.signal);
  } finally {
    forget();
  }
}
