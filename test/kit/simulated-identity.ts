import { makeAgentKey, makeCertificateRequest } from "@windrow/certificates";
import { createUserNkey } from "@windrow/wire";
import type { Credential } from "../../packages/agent/src/start/credential.ts";
import type { FarmDoor } from "./farm-door.ts";

/** Who a simulated agent is: what a real one keeps in its folder. */
export interface SimulatedIdentity {
  readonly credential: Credential;
  readonly key: string;
  readonly natsSeed: string;
}

export interface IdentityOptions {
  readonly name: string;
  readonly token: string;
  readonly slots: number;
  readonly labels: readonly string[];
}

interface JoinAnswer {
  readonly agent_id: Credential["agentId"];
  readonly name: string;
  readonly certificate: string;
  readonly authority: string;
  readonly grpc_address: string;
}

/** What an agent makes for itself before it joins. */
export interface SimulatedKeys {
  readonly key: string;
  readonly certificateRequest: string;
  readonly natsPublicKey: string;
  readonly natsSeed: string;
}

export async function makeSimulatedKeys(): Promise<SimulatedKeys> {
  const { publicKey, seed } = createUserNkey();
  const key = makeAgentKey();
  const certificateRequest = await makeCertificateRequest(key);
  return { key, certificateRequest, natsPublicKey: publicKey, natsSeed: seed };
}

/** Joins as a real agent does, over HTTP with keys of its own. */
export async function joinSimulated(
  door: FarmDoor,
  keys: SimulatedKeys,
  options: IdentityOptions,
): Promise<SimulatedIdentity> {
  const { name, token, slots, labels } = options;
  const facts = { hostname: "simulated", version: "0.1.0", slots, labels };
  const proof = { nats_public_key: keys.natsPublicKey, certificate_request: keys.certificateRequest };
  const body = { token, name, ...proof, ...facts };
  const answer = await door.api<JoinAnswer>("POST", "/api/v1/agents/join", { body, bearer: token });
  return {
    key: keys.key,
    natsSeed: keys.natsSeed,
    credential: {
      agentId: answer.agent_id,
      name: answer.name,
      certificate: answer.certificate,
      authority: answer.authority,
      grpcAddress: answer.grpc_address,
      slotsCount: slots,
      controllerUrl: door.url,
    },
  };
}
