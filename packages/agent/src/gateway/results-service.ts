import type { IncomingMessage, ServerResponse } from "node:http";

/** Whose results a request is about; its token was checked. */
export interface ResultsOwner {
  readonly repository: string;
  readonly runId: number;
  readonly jobId: number;
  /** What the controller knows the attempt by. */
  readonly farmToken: string;
}

/** What serves artifacts and caches to one job. Answers every request it is given. */
export interface ResultsService {
  serve(request: IncomingMessage, response: ServerResponse, owner: ResultsOwner): void;
}

/**
 * Says that there is none. The status is one that clients do not try again, and the body carries the sentence in each of
 * the fields that they show.
 */
export const noResultsService = (what: string): ResultsService => ({
  serve(request, response) {
    const why = `this farm keeps no ${what} yet`;
    request.resume();
    response.writeHead(501, { "content-type": "application/json" });
    response.end(JSON.stringify({ code: "unimplemented", msg: why, message: why }));
  },
});
