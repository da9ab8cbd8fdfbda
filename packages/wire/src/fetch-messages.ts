import type { LeaseRef } from "@windrow/model";

/** The messages with which a running attempt asks for documents and actions; the comments of the proto are the specification. */
export interface FetchDocumentRequest {
  readonly lease: LeaseRef;
  /** SHA-256, hex. */
  readonly digest: string;
  readonly offset: number;
}

/** A piece of something larger, from the asked offset; empty at the end. */
export interface FetchReply {
  readonly data: Uint8Array;
  readonly totalBytes: number;
}

export interface ResolveActionRequest {
  readonly lease: LeaseRef;
  /** `owner/name`. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly ref: string;
}

/** The commit, or a sentence that says why there is none. */
export type ResolveActionReply =
  | { readonly kind: "sha"; readonly sha: string }
  | { readonly kind: "problem"; readonly problem: string };

export interface PinImageRequest {
  readonly lease: LeaseRef;
  /** As the workflow or the action names it, without `docker://`. */
  readonly image: string;
  /** `name@sha256:…` of a registry, or `sha256:…` of the agent's own engine; empty: only asked. */
  readonly found: string;
}

/** What holds for the run; empty: nothing is known. */
export interface PinImageReply {
  readonly found: string;
}

export interface FetchActionRequest {
  readonly lease: LeaseRef;
  readonly repository: string;
  readonly sha: string;
  readonly offset: number;
}
