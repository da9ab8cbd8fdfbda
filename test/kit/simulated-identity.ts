import { makeAgentKey, makeCertificateRequest } from "@windrow/certificates";
import { createUserNkey } from "@windrow/wire";
import type { Credential } from "../../packages/agent/src/start/credential.ts";
import type { Farm } from "./farm.ts";

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

/** Joins as a real agent does, over HTTP with keys of its own. */
export async function joinSimulated(farm: Farm, options: IdentityOptions): Promise<SimulatedIdentity> {
  const { name, token, slots, labels } = options;
  const { publicKey, seed } = createUserNkey();
  const key = makeAgentKey();
  const certificate_request = await makeCertificateRequest(key);
  const facts = { hostname: "simulated", version: "0.1.0", slots, labels };
  const body = { token, name, nats_public_key: publicKey, certificate_request, ...facts };
  const answer = await farm.api<JoinAnswer>("POST", "/api/v1/agents/join", { body, bearer: token });
  return {
    key,
    natsSeed: seed,
    credential: {
      agentId: answer.agent_id,
      name: answer.name,
      certificate: answer.certificate,
      authority: answer.authority,
      grpcAddress: answer.grpc_address,
      slotsCount: slots,
      controllerUrl: farm.url,
    },
  };
}
