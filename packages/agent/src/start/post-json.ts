import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { CONTROLLER_NAME } from "@windrow/certificates";

export interface PostOptions {
  readonly url: string;
  /** Absent: none is needed. */
  readonly token?: string;
  readonly body: object;
  /** PEM of the farm's authority, which alone is trusted then; the machine's authorities when absent. */
  readonly authority: string | undefined;
  readonly signal: AbortSignal;
}

export interface PostAnswer {
  /** Status code. */
  readonly code: number;
  readonly body: string;
}

const ANSWER_BYTES_MAX = 64 * 1024;

/** Sends JSON and reads the answer. Rejects when the network or the server's certificate fails. */
export function postJson({ url, token, body, authority, signal }: PostOptions): Promise<PostAnswer> {
  const text = JSON.stringify(body);
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const isTls = url.startsWith("https:");
  const send = isTls ? httpsRequest : httpRequest;
  const trust = isTls && authority !== undefined ? { ca: authority, servername: CONTROLLER_NAME } : {};
  return new Promise((resolve, reject) => {
    const request = send(url, { method: "POST", headers, signal, agent: false, ...trust }, (response) => {
      let answer = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        if (answer.length < ANSWER_BYTES_MAX) answer += piece;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ code: response.statusCode ?? 0, body: answer.slice(0, ANSWER_BYTES_MAX) }));
    });
    request.on("error", reject);
    request.end(text);
  });
}
