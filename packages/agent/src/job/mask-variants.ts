/** Longer secrets are hidden as they are only. */
export const VARIED_BYTES_MAX = 4_096;
/** A shorter variant would stand in too much that is no secret. */
const VARIANT_CHARS_MIN = 8;

/**
 * A secret in the forms in which programs are apt to write it: as it is, line by line, in base64 wherever it stands in
 * what was encoded, and escaped for URLs, JSON, XML and shells. Each form once; empty ones are left out.
 */
export function maskVariants(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret);
  const text = bytes.toString("utf8");
  const isText = Buffer.from(text).equals(bytes);
  const lines = isText ? text.split(/\r?\n/).map((line) => line.trim()) : [];
  const forms = isText ? [text, ...lines] : [];
  if (bytes.length <= VARIED_BYTES_MAX) {
    if (isText) forms.push(...escapes(text));
    forms.push(...base64Forms(bytes).filter((form) => form.length >= VARIANT_CHARS_MIN));
  }
  const all = new Set(forms.filter((form) => form.trim() !== ""));
  return isText ? [...all].map((form) => Buffer.from(form)) : [bytes, ...[...all].map((form) => Buffer.from(form))];
}

function escapes(text: string): string[] {
  return [
    JSON.stringify(text).slice(1, -1),
    escapeForUrl(text),
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
    text.replaceAll("'", "''"),
    text.replaceAll("'", "'\\''"),
    text.replaceAll('"', '\\"'),
  ];
}

/** Half of a surrogate pair cannot be written in a URL. */
function escapeForUrl(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : "";
}

/**
 * The digits that the secret alone decides, for each of the three places that it can have in groups of three bytes, in both
 * alphabets.
 */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((place) => {
    const rest = bytes.subarray((3 - place) % 3);
    const digits = rest.toString("base64").slice(0, Math.floor((rest.length * 8) / 6));
    return [digits, digits.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
