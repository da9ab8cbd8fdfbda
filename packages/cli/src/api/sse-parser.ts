/** One server-sent event. `id` is the last one the stream named, also when this event brought none. */
export interface SseEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** A stream whose event grows beyond this is not ours; reading it on would only fill memory. */
export const SSE_EVENT_CHARACTERS_MAX = 16 * 1024 * 1024;

/** Thrown when one event exceeds `SSE_EVENT_CHARACTERS_MAX`. */
export class SseEventTooLarge extends Error {
  readonly code = "event_too_large";

  constructor() {
    super(`the server sent an event of more than ${SSE_EVENT_CHARACTERS_MAX} characters`);
    this.name = "SseEventTooLarge";
  }
}

/** Bytes of a `text/event-stream` → events. Bytes may be cut anywhere: in a character, in a line end, in a field. */
export interface SseParser {
  push(bytes: Uint8Array): SseEvent[];
}

export function createSseParser(): SseParser {
  const decoder = new TextDecoder();
  let rest = "";
  let scanned = 0;
  let data: string[] = [];
  let dataLength = 0;
  let event = "";
  let id: string | undefined;

  const takeLine = (line: string): SseEvent | undefined => {
    if (line === "") {
      const complete = data.length === 0 ? undefined : { event: event || "message", data: data.join("\n"), id };
      data = [];
      dataLength = 0;
      event = "";
      return complete;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") {
      dataLength += value.length;
      if (dataLength > SSE_EVENT_CHARACTERS_MAX) throw new SseEventTooLarge();
      data.push(value);
    } else if (field === "event") event = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    return undefined;
  };

  return {
    push(bytes) {
      const events: SseEvent[] = [];
      rest += decoder.decode(bytes, { stream: true });
      const lineEnd = /\r\n|\n|\r/g;
      // what was looked at before holds no line end
      lineEnd.lastIndex = scanned;
      let start = 0;
      for (let found = lineEnd.exec(rest); found !== null; found = lineEnd.exec(rest)) {
        // whether a `\n` follows this `\r` is only known with the next bytes
        if (found[0] === "\r" && lineEnd.lastIndex === rest.length) break;
        const complete = takeLine(rest.slice(start, found.index));
        if (complete !== undefined) events.push(complete);
        start = lineEnd.lastIndex;
      }
      rest = rest.slice(start);
      scanned = rest.endsWith("\r") ? rest.length - 1 : rest.length;
      if (rest.length > SSE_EVENT_CHARACTERS_MAX) throw new SseEventTooLarge();
      return events;
    },
  };
}
