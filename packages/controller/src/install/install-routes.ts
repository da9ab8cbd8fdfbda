import { createReadStream } from "node:fs";
import { Refusal } from "@windrow/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod";
import { archiveFile, type BundleFacts } from "./bundle-facts.ts";
import { readBundleName } from "./bundle-path.ts";
import type { Installer } from "./create-installer.ts";

const params = z.object({ file: z.string().max(200) });
const YEAR_S = 31_536_000;

/** What a machine fetches before it is anybody: open to everybody, and with nothing secret in it. */
export function registerInstallRoutes(app: FastifyInstance, installer: Installer): void {
  const config = { permission: "none" } as const;

  app.get("/install.sh", { config, schema: { hide: true } }, async (request, reply) => {
    const { text, sha256 } = await installer.script();
    reply.header("etag", `"${sha256}"`).header("cache-control", "no-cache").type("text/x-shellscript; charset=utf-8");
    return matches(request.headers["if-none-match"], sha256) ? reply.status(304).send() : reply.send(text);
  });

  app.get("/install/:file", { config, schema: { hide: true, params } }, async (request, reply) => {
    const { file } = params.parse(request.params);
    const name = readBundleName(file);
    const facts = name === undefined ? undefined : await installer.bundles.find(name.platform, name.version);
    if (facts === undefined) {
      throw new Refusal("not_found", `there is no bundle ${file}`, { hint: "fetch /install.sh again" });
    }
    return sendArchive(request, reply, { facts, path: archiveFile(installer.bundles.dir, facts.sha256) });
  });
}

function sendArchive(
  request: FastifyRequest,
  reply: FastifyReply,
  { facts, path }: { readonly facts: BundleFacts; readonly path: string },
): FastifyReply {
  const { sha256, bytesCount } = facts;
  reply
    .header("etag", `"${sha256}"`)
    .header("cache-control", `public, max-age=${YEAR_S}, immutable`)
    .header("accept-ranges", "bytes")
    .type("application/gzip");
  if (matches(request.headers["if-none-match"], sha256)) return reply.status(304).send();
  const condition = request.headers["if-range"];
  const isSame = condition === undefined || matches(condition, sha256);
  const range = isSame ? readRange(request.headers.range, bytesCount) : undefined;
  if (range === "unsatisfiable") return reply.status(416).header("content-range", `bytes */${bytesCount}`).send();
  const { first, last } = range ?? { first: 0, last: bytesCount - 1 };
  if (range !== undefined) reply.status(206).header("content-range", `bytes ${first}-${last}/${bytesCount}`);
  reply.header("content-length", last - first + 1);
  // fastify reads what a HEAD would answer to its end, and sends none of it
  const end = request.method === "HEAD" ? first : last;
  return reply.send(createReadStream(path, { start: first, end }));
}

const matches = (condition: string | string[] | undefined, sha256: string): boolean =>
  String(condition ?? "")
    .split(",")
    .some((tag) => tag.trim().replace(/^W\//, "") === `"${sha256}"`);

/** One range of bytes, as downloads that go on ask for it; undefined for none, or for what is answered as a whole. */
function readRange(
  header: string | undefined,
  bytesCount: number,
): { readonly first: number; readonly last: number } | "unsatisfiable" | undefined {
  const parts = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  const [, from = "", to = ""] = parts ?? [];
  if (parts === null || (from === "" && to === "")) return undefined;
  const first = from === "" ? Math.max(0, bytesCount - Number(to)) : Number(from);
  const last = from === "" || to === "" ? bytesCount - 1 : Math.min(Number(to), bytesCount - 1);
  return first >= bytesCount || first > last ? "unsatisfiable" : { first, last };
}
