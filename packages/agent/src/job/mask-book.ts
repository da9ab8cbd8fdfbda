import type { LogStream } from "../logs/log-stream.ts";
import type { Mask } from "../logs/redactor.ts";
import { JOB_MASKS_BYTES_MAX, JOB_MASKS_MAX, type MaskForm } from "./step-commands.ts";

export interface AnnouncedMask {
  readonly stepNo: number;
  readonly bytes: Uint8Array;
  /** Other streams that were open then, with the raw offset from which it holds there. */
  readonly heldFrom: readonly (readonly [stepNo: number, rawOffset: number])[];
}

export interface MaskBookOptions {
  readonly masks: readonly Uint8Array[];
  readonly earlierMasks: readonly AnnouncedMask[];
  readonly onMask: (mask: AnnouncedMask) => void;
}

/**
 * The secrets of one job. A stream is redacted with what was known when it began, with what is announced in it from there
 * on, and with what other streams announce while it is open: each from an offset that is written down, because a stream
 * that is shipped again must be the same bytes.
 */
export interface MaskBook {
  readonly announcedCount: number;
  /** For a stream that begins, with the first so many announced ones. */
  masksFor(stepNo: number, announcedCount: number): Mask[];
  /** False: there are too many. Derived forms have half of the room and are left out beyond it. */
  announce(stepNo: number, bytes: Buffer, rawOffset: number, form: MaskForm): boolean;
  open(stepNo: number, stream: LogStream): void;
  close(stepNo: number): void;
  holdsSecret(text: string): boolean;
  /** Told of every secret, also of those known already. */
  onNew(listener: (bytes: Uint8Array) => void): void;
}

export function createMaskBook(options: MaskBookOptions): MaskBook {
  const known = new Map<string, Uint8Array>();
  const announced: AnnouncedMask[] = [];
  const streams = new Map<number, LogStream>();
  const listeners: ((bytes: Uint8Array) => void)[] = [];
  let announcedBytes = 0;
  const toKey = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
  for (const bytes of options.masks) known.set(toKey(bytes), bytes);
  for (const mask of options.earlierMasks) keep(mask);

  function keep(mask: AnnouncedMask): void {
    announced.push(mask);
    announcedBytes += mask.bytes.length;
    known.set(toKey(mask.bytes), mask.bytes);
    for (const listener of listeners) listener(mask.bytes);
  }

  return {
    get announcedCount() {
      return announced.length;
    },
    masksFor(stepNo, announcedCount) {
      const masks: Mask[] = [...options.masks, ...announced.slice(0, announcedCount).map((mask) => mask.bytes)].map(
        (bytes) => ({ bytes, fromOffset: 0 }),
      );
      for (const { bytes, heldFrom } of announced) {
        for (const [no, fromOffset] of heldFrom) if (no === stepNo) masks.push({ bytes, fromOffset });
      }
      return masks;
    },
    announce(stepNo, bytes, rawOffset, form) {
      if (!known.has(toKey(bytes))) {
        const share = form === "written" ? 1 : 0.5;
        const hasRoom =
          announced.length < JOB_MASKS_MAX * share && announcedBytes + bytes.length <= JOB_MASKS_BYTES_MAX * share;
        if (!hasRoom) return form === "derived";
        const others = [...streams].filter(([no]) => no !== stepNo);
        const mask = { stepNo, bytes, heldFrom: others.map(([no, stream]) => [no, stream.scannedBytes] as const) };
        keep(mask);
        for (const [, stream] of others) stream.addMask({ bytes, fromOffset: stream.scannedBytes });
        options.onMask(mask);
      }
      streams.get(stepNo)?.addMask({ bytes, fromOffset: rawOffset });
      return true;
    },
    open: (stepNo, stream) => void streams.set(stepNo, stream),
    close: (stepNo) => void streams.delete(stepNo),
    holdsSecret(text) {
      const whole = Buffer.from(text);
      return [...known.values()].some((bytes) => bytes.length > 0 && whole.includes(Buffer.from(bytes)));
    },
    onNew(listener) {
      listeners.push(listener);
      for (const bytes of known.values()) listener(bytes);
    },
  };
}
