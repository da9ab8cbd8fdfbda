import type { Pool, Problem } from "@windrow/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Edge, startEdge } from "./edge-kit.ts";

let edge: Edge;
let admin: string;
beforeAll(async () => {
  edge = await startEdge();
  admin = await edge.makeToken({ role: "admin", name: "root" });
});
afterAll(() => edge.stop());

const patch = (body: unknown, pool = "python") =>
  edge.json<Pool>("PATCH", `/api/v1/pools/${pool}`, { token: admin, body });

const GIB = 1024 ** 3;

it("a pool's jobs run as by default, those of one for strangers in a sandbox of bounded processes", async () => {
  const plain = await patch({ weight: 1 });
  expect(plain.job_policy).toEqual({
    confinement: null,
    egress: { kind: "all" },
    farm_access: false,
    containers_allowed: true,
    containers: { privileged: false, capabilities: [], devices: [], volumes: [], host_namespaces: [] },
    memory_bytes: null,
    processes_max: null,
    log_bytes: null,
    disk_bytes: null,
  });
  const strange = await patch({ untrusted_allowed: true });
  expect(strange.job_policy).toMatchObject({ confinement: "sandbox", processes_max: 4_096 });
  const own = await patch({ job_settings: { confinement: "host" } });
  expect(own.job_policy).toMatchObject({ confinement: "host", processes_max: null, log_bytes: null });
  await patch({ untrusted_allowed: false, job_settings: null });
});

it("settings change one by one, null is as by default, and the audit trail has them in the same transaction", async () => {
  const set = await patch({
    job_settings: {
      egress: { kind: "allow", hosts: ["Registry.npmjs.org", "*.example.com:8443", "10.0.0.1", "[fd00::1]:5000"] },
      containers: { capabilities: ["cap_net_admin", "NET_ADMIN"], devices: ["/dev/fuse"], host_namespaces: ["pid"] },
      memory_bytes: 4 * GIB,
      disk_bytes: 20 * GIB,
    },
  });
  expect(set, JSON.stringify(set)).toHaveProperty("job_policy");
  expect(set.job_policy).toMatchObject({
    egress: { kind: "allow", hosts: ["registry.npmjs.org", "*.example.com:8443", "10.0.0.1", "[fd00::1]:5000"] },
    containers: { privileged: false, capabilities: ["NET_ADMIN"], devices: ["/dev/fuse"], host_namespaces: ["pid"] },
    memory_bytes: 4 * GIB,
    disk_bytes: 20 * GIB,
  });
  const next = await patch({ job_settings: { memory_bytes: null, processes_max: 100, containers_allowed: false } });
  expect(next.job_policy).toMatchObject({
    egress: { kind: "allow" },
    memory_bytes: null,
    processes_max: 100,
    disk_bytes: 20 * GIB,
    containers_allowed: false,
  });
  const { items } = await edge.json<{ items: { after: { job_policy: object } }[] }>(
    ...(["GET", "/api/v1/audit?subject=pool:python&limit=1"] as const),
    { token: admin },
  );
  expect(items[0]?.after.job_policy).toEqual(next.job_policy);
  expect((await patch({ job_settings: null })).job_policy).toMatchObject({ egress: { kind: "all" }, disk_bytes: null });
});

it.each<[what: string, settings: unknown, field: string]>([
  ["a host with a path", { egress: { kind: "allow", hosts: ["example.com/x"] } }, "egress"],
  ["a host with a port that is none", { egress: { kind: "allow", hosts: ["example.com:99999"] } }, "egress"],
  ["a star in the middle", { egress: { kind: "allow", hosts: ["a.*.com"] } }, "egress"],
  ["hosts without allow", { egress: { kind: "none", hosts: ["a.com"] } }, "egress"],
  [
    "too many hosts",
    { egress: { kind: "allow", hosts: Array.from({ length: 201 }, (_, i) => `h${i}.com`) } },
    "egress",
  ],
  ["a relative volume", { containers: { volumes: ["srv"] } }, "containers"],
  ["a volume upwards", { containers: { volumes: ["/srv/../etc"] } }, "containers"],
  ["a device that is none", { containers: { devices: ["/etc/passwd"] } }, "containers"],
  ["a word for a confinement", { confinement: "jail" }, "confinement"],
  ["memory for nothing", { memory_bytes: 1_000 }, "memory_bytes"],
  ["a setting that is none", { sudo: true }, "job_settings"],
])("%s is refused by name", async (_what, settings, field) => {
  const answer = await edge.api("PATCH", "/api/v1/pools/python", { token: admin, body: { job_settings: settings } });
  expect(answer.status).toBe(400);
  const problem: Problem = JSON.parse(await answer.text());
  expect(JSON.stringify(problem)).toContain(field);
});
