import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { issueAgentCertificate, readCertificateRequest } from "@windrow/certificates";
import { AGENT_ID, AUTHORITY } from "./fake-controller.ts";

/** The agent's own process, as people start it. */
export interface AgentProcess {
  readonly pid: number;
  readonly exited: Promise<number | null>;
  stdout(): string;
  stderr(): string;
  signal(signal: NodeJS.Signals): void;
}

export function startAgentProcess(env: { [name: string]: string }): AgentProcess {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", main], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", WINDROW_LOG_LEVEL: "warn", ...env },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("the agent could not be started");
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (piece: Buffer) => {
    stdout += piece.toString();
  });
  child.stderr?.on("data", (piece: Buffer) => {
    stderr += piece.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return { pid, exited, stdout: () => stdout, stderr: () => stderr, signal: (signal) => void child.kill(signal) };
}

/** As tokens look, with the fingerprint of the fake farms' authority. */
const tokenOf = (letter: string): string => `wrj_${letter.repeat(43)}_${AUTHORITY.fingerprint}`;
export const GOOD_TOKEN = tokenOf("g");
export const BAD_TOKEN = tokenOf("b");

/** Answers joins like a controller: each token once. */
export interface FakeJoin {
  readonly url: string;
  readonly requests: { token: string; natsPublicKey: string; labels: string[] }[];
  stop(): void;
}

export async function startFakeJoin(grpcAddress: string): Promise<FakeJoin> {
  const requests: FakeJoin["requests"] = [];
  const server: Server = createServer((request, response) => {
    let text = "";
    request.on("data", (piece: Buffer) => {
      text += piece.toString();
    });
    const answerTo = async () => {
      const body: { token: string; nats_public_key: string; labels: string[]; certificate_request: string } =
        JSON.parse(text);
      const isGood = body.token === GOOD_TOKEN && requests.length === 0;
      const publicKey = await readCertificateRequest(body.certificate_request);
      const issued = await issueAgentCertificate({
        ...{ authority: AUTHORITY, agentId: AGENT_ID, publicKey },
        nowMs: Date.now(),
      });
      const certificate = issued.cert;
      requests.push({ token: body.token, natsPublicKey: body.nats_public_key, labels: body.labels });
      response.writeHead(isGood ? 201 : 401, {
        "content-type": isGood ? "application/json" : "application/problem+json",
      });
      const answer = {
        agent_id: AGENT_ID,
        name: "agent-1",
        pool: "default",
        certificate,
        authority: AUTHORITY.cert,
        grpc_address: grpcAddress,
        nats_urls: [],
        nats_jwt: "",
      };
      response.end(JSON.stringify(isGood ? answer : { title: "Unauthorized", detail: "the join token is not known" }));
    };
    request.on("end", () => void answerTo());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests, stop: () => void server.close() };
}
