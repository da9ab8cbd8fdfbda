import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { fingerprintOf } from "@windrow/certificates";
import { usageError } from "../cli-error.ts";

/** Makes this process trust the farm's authority (PEM) beside the machine's own. Errors: CliError `usage`. */
export function trustAuthority(file: string): void {
  setDefaultCACertificates([...getCACertificates("default"), readAuthority(file)]);
}

function readAuthority(file: string): string {
  try {
    const pem = readFileSync(file, "utf8");
    // throws for what is no certificate
    fingerprintOf(pem);
    return pem;
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw usageError(
      `${file} is not a certificate authority that can be read (${why})`,
      "The farm's own is the file tls/ca.pem in its data folder",
    );
  }
}
