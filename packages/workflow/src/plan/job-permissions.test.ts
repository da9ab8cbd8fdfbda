import type { PermissionLevel, Permissions, Trust } from "@windrow/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_PERMISSIONS, jobPermissions } from "./job-permissions.ts";

interface Case {
  readonly workflow?: Permissions;
  readonly job?: Permissions;
  readonly max?: Permissions;
  readonly trust?: Trust;
}

const ODD_SCOPE: Permissions = Object.fromEntries<PermissionLevel>([["constructor", "write"]]);

const grant = ({ workflow, job, max, trust = "trusted" }: Case) =>
  jobPermissions(
    {
      definition: workflow === undefined ? {} : { permissions: workflow },
      ...(max !== undefined && { permissionsMax: max }),
    },
    job === undefined ? {} : { permissions: job },
    trust,
  );

describe("the permissions of a job", () => {
  it.each<[string, Case, Permissions]>([
    ["the restricted default where nothing is declared", {}, DEFAULT_PERMISSIONS],
    ["the workflow's", { workflow: { actions: "write" } }, { actions: "write" }],
    [
      "the job's in place of the workflow's",
      { workflow: { actions: "write" }, job: { contents: "read" } },
      { contents: "read" },
    ],
    ["none where none are declared", { workflow: {} }, {}],
    ["a scope that is none is left out", { job: { contents: "none", checks: "read" } }, { checks: "read" }],
    ["of a called file: the caller's where it says nothing", { max: { contents: "write" } }, { contents: "write" }],
    [
      "of a called file: no more than the caller's",
      { job: { contents: "write", pages: "write" }, max: { contents: "read" } },
      { contents: "read" },
    ],
    [
      "of a called file: less than the caller's",
      { workflow: { contents: "read" }, max: { contents: "write" } },
      { contents: "read" },
    ],
    [
      "untrusted work writes nothing",
      { job: { contents: "write", issues: "read", "id-token": "write" }, trust: "untrusted" },
      { contents: "read", issues: "read" },
    ],
    ["a scope named like a property of every object", { max: { contents: "write" }, job: ODD_SCOPE }, {}],
  ])("%s", (_, given, expected) => {
    expect(grant(given)).toEqual(expected);
  });

  it("are never more than the caller's, nor write anything untrusted", () => {
    const levels = fc.constantFrom("none" as const, "read" as const, "write" as const);
    const permissions = fc.dictionary(fc.constantFrom("contents", "actions", "issues", "id-token"), levels);
    const rank = (level: string | undefined) => ["none", "read", "write"].indexOf(level ?? "none");
    fc.assert(
      fc.property(fc.option(permissions, { nil: undefined }), permissions, fc.boolean(), (job, max, isTrusted) => {
        const given: Case = { max, trust: isTrusted ? "trusted" : "untrusted", ...(job !== undefined && { job }) };
        for (const [scope, level] of Object.entries(grant(given))) {
          expect(rank(level)).toBeLessThanOrEqual(rank(max[scope]));
          expect(rank(level)).toBeLessThanOrEqual(rank((job ?? max)[scope]));
          expect(isTrusted || level !== "write").toBe(true);
        }
      }),
    );
  });
});
