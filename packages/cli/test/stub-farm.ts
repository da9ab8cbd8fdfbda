import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** One request as the stub saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

export interface StubFarm extends AsyncDisposable {
  readonly url: string;
  readonly requests: SeenRequest[];
}

export type StubAnswer = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** An HTTP server that answers as the test says and remembers what it was asked. For faults a real farm does not make on demand. */
export async function startStubFarm(answer: StubAnswer): Promise<StubFarm> {
  const requests: SeenRequest[] = [];
  const server = createServer((incoming, response) => {
    void (async () => {
      const request = {
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        authorization: incoming.headers.authorization,
        body: await readBody(incoming),
      };
      requests.push(request);
      await answer(request, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the stub has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function sendJson(response: ServerResponse, json: unknown, status = 200): void {
  response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json" });
  response.end(JSON.stringify(json));
}

/** One server-sent event as text. */
export function sse(event: string, data: unknown, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of incoming) text += String(chunk);
  return text === "" ? undefined : JSON.parse(text);
}
