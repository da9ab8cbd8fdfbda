import type { BlobStore } from "@windrow/blobs";
import type { Clock, Logger } from "@windrow/service";
import type { Metrics } from "../metrics.ts";
import type { Announcer } from "../runs/announcer.ts";
import type { EndDeps } from "../runs/end-attempt-run.ts";

/** What every sweep works with. */
export interface SweepDeps extends EndDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly announcer: Announcer;
  readonly blobs: BlobStore;
}
