import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

let caFile: string | undefined;

/** Lets this process, and git of the tests, trust a farm's own authority besides the machine's. */
export function trustAuthority(file: string): void {
  if (file === caFile) return;
  caFile = file;
  setDefaultCACertificates([...getCACertificates("bundled"), readFileSync(file, "utf8")]);
}

/** What git is told of it. */
export function gitTrust(): Record<string, string> {
  return caFile === undefined ? {} : { GIT_SSL_CAINFO: caFile };
}
