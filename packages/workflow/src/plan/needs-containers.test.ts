import type { ContainerDefinition, JobDefinition, StepDefinition } from "@windrow/model";
import { expect, test } from "vitest";
import { needsContainers, requiredLabels } from "./needs-containers.ts";

const container = (image: string): ContainerDefinition => ({ image, env: [], ports: [], volumes: [] });
const step = (uses: string): StepDefinition => ({
  ...{ kind: "uses", uses, with: [], condition: "success()", env: [], position: { line: 1, column: 1 } },
});
type Job = Pick<JobDefinition, "container" | "services" | "steps">;
const job = (more: Partial<Job>): Job => ({ services: [], steps: [], ...more });
const expression = (text: string): string => `\${{ ${text} }}`;
const contexts = { matrix: { image: "", db: "postgres:16" } };

test.each<[what: string, job: Job, needs: boolean]>([
  ["nothing of the kind", job({ steps: [step("actions/checkout@v4")] }), false],
  ["a container", job({ container: container("node:24") }), true],
  ["a container without an image", job({ container: container("") }), false],
  ["a container whose image comes out empty", job({ container: container(expression("matrix.image")) }), false],
  ["a container whose image comes out", job({ container: container(expression("matrix.db")) }), true],
  ["services", job({ services: [{ name: "db", ...container("postgres:16") }] }), true],
  ["services that are all empty", job({ services: [{ name: "db", ...container(expression("matrix.image")) }] }), false],
  ["a step that is an image", job({ steps: [step("docker://alpine:3")] }), true],
  [
    "an image that is known later",
    job({ container: container(expression("fromJSON(needs.a.outputs.x).image")) }),
    true,
  ],
])("%s", (_what, asked, needs) => {
  expect(needsContainers(asked, contexts)).toBe(needs);
  expect(requiredLabels(["linux"], asked, contexts)).toEqual(needs ? ["linux", "docker"] : ["linux"]);
});

test("a job that names the label itself has it once", () => {
  expect(requiredLabels(["docker", "linux"], job({ container: container("x") }), contexts)).toEqual([
    "docker",
    "linux",
  ]);
});
