export {
  BLOB_KEY_CHARS_MAX,
  type BlobEntry,
  BlobExists,
  type BlobKey,
  BlobNotFound,
  type BlobRange,
  type BlobStore,
  checkBlobKey,
} from "./blob-store.ts";
export { createFolderBlobStore } from "./folder-blob-store.ts";
