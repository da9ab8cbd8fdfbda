/** Thrown for a certificate or key that cannot be used; the message is a sentence for people that names the file. */
export class CertificateError extends Error {
  readonly code = "certificate";

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "CertificateError";
  }
}
