import type { PoolTimes } from "../kit/farm.ts";

/** The defaults (suspect 15 s, lost 30 s, offer 10 s) shortened tenfold; the ratios are kept. */
export const SHORT_TIMES: PoolTimes = { suspectAfterMs: 1_500, lostAfterMs: 3_000, leaseMarginMs: 200, offerMs: 1_000 };
