import { connect } from "node:net";
import { hasCode } from "@windrow/service";

const ANSWER_WITHIN_MS = 2_000;
const ANSWER_BYTES_MAX = 65_536;

/** The name in the INFO line of the NATS server that answers there; undefined when nobody does. */
export function readServerName(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ port, host });
    const answer = (name: string | undefined) => {
      socket.destroy();
      resolve(name);
    };
    socket.setTimeout(ANSWER_WITHIN_MS, () => answer(undefined));
    socket.on("error", (error) => {
      if (hasCode(error, "ECONNREFUSED", "ECONNRESET", "EPIPE")) answer(undefined);
      else reject(error);
    });
    socket.on("close", () => answer(undefined));
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (text.includes("\r\n") || text.length > ANSWER_BYTES_MAX) answer(/"server_name":"([^"]*)"/.exec(text)?.[1]);
    });
  });
}
