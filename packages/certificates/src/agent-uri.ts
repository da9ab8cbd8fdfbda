const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PREFIX = "windrow://agent/";
/** As Node prints the extension. One name and nothing else: what lists more was not issued here. */
const ONLY_AGENT = /^URI:windrow:\/\/agent\/([0-9a-f-]{36})$/;

/** The name in an agent's certificate: the only place where an agent's identity comes from. Throws for an id that is no UUID. */
export function agentUri(agentId: string): string {
  if (!UUID.test(agentId)) throw new TypeError(`${agentId} is not an agent's id`);
  return PREFIX + agentId;
}

/** The agent's id of a certificate's subject alternative names, as Node prints them; undefined for any other certificate. */
export function readAgentUri(subjectAltName: string | undefined): string | undefined {
  const id = ONLY_AGENT.exec(subjectAltName ?? "")?.[1];
  return id !== undefined && UUID.test(id) ? id : undefined;
}
