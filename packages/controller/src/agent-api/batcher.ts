/** Collects what many callers want written and writes it together. */
export interface Batcher<Item, Answer> {
  /** Rejects with what the batch failed with, or when too much waits already. */
  submit(item: Item): Promise<Answer>;
}

export interface BatcherOptions<Item, Answer> {
  readonly name: string;
  /** Answers in the order of the items. */
  readonly runBatch: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly batchMax: number;
  readonly queueMax: number;
  /** Two items that must not be in one statement share a key. */
  readonly keyOf?: (item: Item) => string;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Thrown when the database is so far behind that more work would only wait: the caller tries again later. */
export class BatchQueueFull extends Error {
  readonly code = "batch_queue_full";
  readonly retryable = true;

  constructor(name: string) {
    super(`too much waits for ${name}`);
    this.name = "BatchQueueFull";
  }
}

/**
 * While one batch is written the next gathers: alone, an item goes at once; under load, many share a statement and a
 * commit. A batch that fails is tried item by item, so that one bad item does not fail its neighbours.
 */
export function createBatcher<Item, Answer>(options: BatcherOptions<Item, Answer>): Batcher<Item, Answer> {
  const queue: Waiting<Item, Answer>[] = [];
  let isRunning = false;

  async function drain(): Promise<void> {
    isRunning = true;
    while (queue.length > 0) await write(takeBatch());
    isRunning = false;
  }

  function takeBatch(): Waiting<Item, Answer>[] {
    if (options.keyOf === undefined) return queue.splice(0, options.batchMax);
    const keys = new Set<string>();
    const batch: Waiting<Item, Answer>[] = [];
    for (let place = 0; place < queue.length && batch.length < options.batchMax; ) {
      const waiting = queue[place];
      if (waiting === undefined) break;
      const key = options.keyOf(waiting.item);
      if (keys.has(key)) {
        place++;
        continue;
      }
      keys.add(key);
      batch.push(waiting);
      queue.splice(place, 1);
    }
    return batch;
  }

  async function write(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      settle(batch, await options.runBatch(batch.map((waiting) => waiting.item)));
    } catch (error) {
      if (batch.length === 1 || isRetryable(error)) for (const waiting of batch) waiting.reject(error);
      else for (const waiting of batch) await write([waiting]);
    }
  }

  function settle(batch: readonly Waiting<Item, Answer>[], answers: readonly Answer[]): void {
    batch.forEach((waiting, index) => {
      const answer = answers[index];
      if (answer === undefined) waiting.reject(new Error(`${options.name} left an item without an answer`));
      else waiting.resolve(answer);
    });
  }

  return {
    submit(item) {
      if (queue.length >= options.queueMax) return Promise.reject(new BatchQueueFull(options.name));
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        // the others of this turn of the event loop join the first batch
        if (!isRunning) {
          isRunning = true;
          setImmediate(() => void drain());
        }
      });
    },
  };
}

/** The world broke, not an item: trying each alone would only take longer. */
function isRetryable(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}
