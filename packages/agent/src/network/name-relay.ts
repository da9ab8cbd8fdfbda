import { createSocket, type Socket } from "node:dgram";

/** Questions of one job without an answer yet; what is more is lost, as it may be, and asked again. */
const QUESTIONS_MAX = 256;
const ANSWER_MS_MAX = 10_000;
const PORT = 53;

/** Carries questions that come to `inside` to the name server at `address` of the machine, and its answers back. */
export function relayNames(inside: Socket, address: string): () => void {
  const open = new Set<Socket>();
  inside.on("message", (question, asker) => {
    if (open.size >= QUESTIONS_MAX) return;
    const outside = createSocket("udp4");
    open.add(outside);
    const end = () => {
      if (!open.delete(outside)) return;
      clearTimeout(late);
      outside.close();
    };
    const late = setTimeout(end, ANSWER_MS_MAX);
    outside.on("error", end);
    outside.on("message", (answer) => {
      inside.send(answer, asker.port, asker.address, end);
    });
    // only this server's answers come in
    outside.connect(PORT, address, () => outside.send(question));
  });
  inside.on("error", () => inside.close());
  return () => {
    for (const socket of open) socket.close();
    open.clear();
  };
}
