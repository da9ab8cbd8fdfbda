export {
  AGENT_LIFE_MS,
  type AgentCertificate,
  type AgentCertificateFacts,
  issueAgentCertificate,
  RENEWABLE_FOR_MS,
  readAgentCertificate,
} from "./agent-certificate.ts";
export { makeAgentKey, publicKeyOf } from "./agent-key.ts";
export { agentUri, readAgentUri } from "./agent-uri.ts";
export { CertificateError } from "./certificate-error.ts";
export { makeCertificateRequest, REQUEST_CHARS_MAX, readCertificateRequest } from "./certificate-request.ts";
export { CONTROLLER_NAME } from "./controller-name.ts";
export { fingerprintOf, isSameFingerprint, readJoinFingerprint } from "./fingerprint.ts";
export type { IssuedPair } from "./issue.ts";
export { type Authority, openAuthority } from "./open-authority.ts";
export { type OwnCertificateFiles, readOwnCertificate } from "./own-certificate.ts";
export { type PinOptions, pinAuthority } from "./pin-authority.ts";
export { createRenewalChallenges, type RenewalChallenges } from "./renewal-challenge.ts";
export { isProofGood, proveKey } from "./renewal-proof.ts";
export { ensureServerCertificate, SERVER_LIFE_MS, type ServerCertificate } from "./server-certificate.ts";
export { isEveryAddress, isLoopbackAddress, ownAddresses, serverNames } from "./server-names.ts";
