// As much of a controller as `windrow up` needs: health, a token, join tokens, the list of agents.
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const { WINDROW_PORT, WINDROW_ADMIN_TOKEN_FILE = "", WINDROW_DATABASE_URL, WINDROW_NATS_KEYS_FILE } = process.env;
if (!WINDROW_DATABASE_URL || !existsSync(WINDROW_NATS_KEYS_FILE ?? "")) throw new Error("not configured");
if (!existsSync(WINDROW_ADMIN_TOKEN_FILE)) writeFileSync(WINDROW_ADMIN_TOKEN_FILE, "wru_test\n", { mode: 0o600 });

const connectedAt = new Map<string, string>();
const now = () => new Date().toISOString();

const server = createServer((request, response) => {
  const answer = (status: number, body: unknown) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  const path = request.url?.split("?")[0] ?? "";
  if (path === "/healthz" || path === "/readyz") return answer(200, { state: "ok" });
  if (path.startsWith("/stand-in/hello/")) {
    connectedAt.set(path.slice("/stand-in/hello/".length), now());
    return answer(200, {});
  }
  if (request.headers.authorization !== "Bearer wru_test") return answer(401, {});
  if (path === "/api/v1/tokens") {
    const token = { id: "0", kind: "join", name: "", prefix: "wrj_", role: null, owner: null, pool: "default" };
    const uses = { uses_max: 1, uses_count: 0, expires_at: null, created_by: "", created_at: now() };
    return answer(201, { token: { ...token, ...uses, last_used_at: null, revoked_at: null }, secret: "wrj_test" });
  }
  if (path === "/api/v1/agents") {
    const items = [...connectedAt].map(([name, at]) => ({
      ...{ id: name, name, pool: "default", state: "ready", labels: [], slots: 1, slots_used: 0, drain_reason: null },
      ...{ hostname: "", version: "", protocol_version: 1, created_at: at, connected_at: at, last_seen_at: at },
      ...{ removed_at: null, jobs: [] },
    }));
    return answer(200, { items, next_cursor: null });
  }
  answer(404, {});
});
server.listen(Number(WINDROW_PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
