export { CertificateError } from "./certificate-error.ts";
export { CONTROLLER_NAME } from "./controller-name.ts";
export { fingerprintOf, isSameFingerprint, readJoinFingerprint } from "./fingerprint.ts";
export type { IssuedPair } from "./issue.ts";
export { type Authority, openAuthority } from "./open-authority.ts";
export { type OwnCertificateFiles, readOwnCertificate } from "./own-certificate.ts";
export { type PinOptions, pinAuthority } from "./pin-authority.ts";
export { ensureServerCertificate, SERVER_LIFE_MS, type ServerCertificate } from "./server-certificate.ts";
export { isEveryAddress, isLoopbackAddress, ownAddresses, serverNames } from "./server-names.ts";
