import type {
  FetchActionRequest,
  FetchDocumentRequest,
  FetchReply,
  PinImageReply,
  PinImageRequest,
  ResolveActionReply,
  ResolveActionRequest,
} from "../fetch-messages.ts";
import { ACTION_REF_CHARS_MAX, FETCH_BYTES_MAX, IMAGE_NAME_CHARS_MAX } from "../limits.ts";
import type { Fields } from "./fields.ts";
import { unpackLeaseRef } from "./lease.ts";
import { createDecoder, createEncoder, type Packed } from "./proto-message.ts";
import { packRowText } from "./row-text.ts";

const SHA256_HEX = /^[0-9a-f]{64}$/;
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const REPOSITORY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\/[A-Za-z0-9_.-]{1,100}$/;

const unpackDigest = (fields: Fields): string => {
  const digest = fields.text("digest");
  return SHA256_HEX.test(digest) ? digest : fields.fail("digest", "is not 64 hex digits");
};

function unpackRepository(fields: Fields): string {
  const repository = fields.text("repository");
  const name = repository.slice(repository.indexOf("/") + 1);
  if (!REPOSITORY.test(repository) || name === "." || name === "..") fields.fail("repository", "is not owner/name");
  return repository;
}

function unpackRef(fields: Fields): string {
  const ref = fields.rowText("ref");
  if (ref === "") fields.fail("ref", "is empty");
  if (ref.length > ACTION_REF_CHARS_MAX) fields.fail("ref", `is longer than ${ACTION_REF_CHARS_MAX} characters`);
  return ref;
}

const unpackCommit = (fields: Fields): string => {
  const sha = fields.text("sha");
  return COMMIT.test(sha) ? sha : fields.fail("sha", "is not a commit");
};

function unpackFetchReply(fields: Fields): FetchReply {
  const data = fields.bytes("data");
  if (data.byteLength > FETCH_BYTES_MAX) fields.fail("data", `is longer than ${FETCH_BYTES_MAX} bytes`);
  return { data, totalBytes: fields.integer("totalBytes") };
}

function packResolveReply(reply: ResolveActionReply): Packed {
  switch (reply.kind) {
    case "sha":
      return { sha: reply.sha };
    case "problem":
      return { problem: packRowText(reply.problem) };
  }
}

function unpackResolveReply(fields: Fields): ResolveActionReply {
  const kind = fields.kind(["sha", "problem"]);
  switch (kind) {
    case "sha":
      return { kind, sha: unpackCommit(fields) };
    case "problem":
      return { kind, problem: fields.text("problem") };
  }
}

export const encodeFetchDocumentRequest = createEncoder<FetchDocumentRequest>("FetchDocumentRequest", (request) => ({
  ...request,
}));
export const decodeFetchDocumentRequest = createDecoder<FetchDocumentRequest>("FetchDocumentRequest", (fields) => ({
  lease: unpackLeaseRef(fields.message("lease")),
  digest: unpackDigest(fields),
  offset: fields.integer("offset"),
}));
export const encodeFetchReply = createEncoder<FetchReply>("FetchReply", (reply) => ({ ...reply }));
export const decodeFetchReply = createDecoder("FetchReply", unpackFetchReply);

export const encodeResolveActionRequest = createEncoder<ResolveActionRequest>("ResolveActionRequest", (request) => ({
  ...request,
}));
export const decodeResolveActionRequest = createDecoder<ResolveActionRequest>("ResolveActionRequest", (fields) => ({
  lease: unpackLeaseRef(fields.message("lease")),
  repository: unpackRepository(fields),
  ref: unpackRef(fields),
}));
export const encodeResolveActionReply = createEncoder("ResolveActionReply", packResolveReply);
export const decodeResolveActionReply = createDecoder("ResolveActionReply", unpackResolveReply);

function unpackImage(fields: Fields, name: "image" | "found"): string {
  const image = fields.rowText(name);
  if (image.length > IMAGE_NAME_CHARS_MAX) fields.fail(name, `is longer than ${IMAGE_NAME_CHARS_MAX} characters`);
  return image;
}

export const encodePinImageRequest = createEncoder<PinImageRequest>("PinImageRequest", (request) => ({ ...request }));
export const decodePinImageRequest = createDecoder<PinImageRequest>("PinImageRequest", (fields) => ({
  lease: unpackLeaseRef(fields.message("lease")),
  image: unpackImage(fields, "image") || fields.fail("image", "is empty"),
  found: unpackImage(fields, "found"),
}));
export const encodePinImageReply = createEncoder<PinImageReply>("PinImageReply", (reply) => ({ ...reply }));
export const decodePinImageReply = createDecoder<PinImageReply>("PinImageReply", (fields) => ({
  found: unpackImage(fields, "found"),
}));

export const encodeFetchActionRequest = createEncoder<FetchActionRequest>("FetchActionRequest", (request) => ({
  ...request,
}));
export const decodeFetchActionRequest = createDecoder<FetchActionRequest>("FetchActionRequest", (fields) => ({
  lease: unpackLeaseRef(fields.message("lease")),
  repository: unpackRepository(fields),
  sha: unpackCommit(fields),
  offset: fields.integer("offset"),
}));
