import type { StreamName } from "@windrow/model";

/** A chunk began beyond the bytes received so far: the agent ships `stream` again from `expectedOffset`. */
export class LogGap extends Error {
  readonly code = "log_gap";
  readonly stream: StreamName;
  readonly expectedOffset: number;

  constructor(stream: StreamName, expectedOffset: number) {
    super(`log stream ${stream} continues at byte ${expectedOffset}`);
    this.name = "LogGap";
    this.stream = stream;
    this.expectedOffset = expectedOffset;
  }
}
