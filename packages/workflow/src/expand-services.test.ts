import { expect, test } from "vitest";
import { evaluateTemplate, evaluateValue } from "./evaluate.ts";
import { expandServices } from "./expand-services.ts";
import { insertEntries } from "./insert-entries.ts";
import { parseWorkflow } from "./parse-workflow.ts";

function jobOf(lines: string) {
  const text = `on: push\njobs:\n  build:\n    runs-on: linux\n${lines}\n    steps: [{run: a}]\n`;
  const { definition, diagnostics } = parseWorkflow({ path: "ci.yml", text });
  const job = definition?.jobs[0];
  if (job === undefined) throw new Error(diagnostics.map((one) => one.message).join("; "));
  return job;
}

const contexts = {
  matrix: {
    db: {
      postgres: { image: "postgres:16", env: { POSTGRES_PASSWORD: "x" }, ports: [5432, "8080:80"], options: "--init" },
      "odd'name": { image: "redis" },
    },
    one: { image: "debian", credentials: { username: "ada", password: "p" }, volumes: ["a:/b"] },
    text: "alpine:3",
    ports: ["80", "81:81"],
  },
};

test("an expression gives all services of a job", () => {
  const { services } = jobOf("    services: ${{ matrix.db }}");
  const [postgres, odd] = expandServices(services, contexts);
  expect(postgres?.name).toBe("postgres");
  expect(odd?.name).toBe("odd'name");
  expect(evaluateTemplate(postgres?.image ?? "", contexts)).toBe("postgres:16");
  expect(evaluateTemplate(odd?.image ?? "", contexts)).toBe("redis");
  expect(insertEntries(postgres?.env ?? [], () => contexts)).toEqual([["POSTGRES_PASSWORD", "x"]]);
  expect(evaluateValue(postgres?.ports[0] ?? "", contexts)).toEqual([5432, "8080:80"]);
  expect(evaluateTemplate(postgres?.options ?? "", contexts)).toBe("--init");
  expect(evaluateTemplate(odd?.options ?? "", contexts)).toBe("");
});

test("an expression that gives nothing gives no services, a text is refused", () => {
  const { services } = jobOf("    services: ${{ matrix.none }}");
  expect(expandServices(services, contexts)).toEqual([]);
  expect(() => expandServices(jobOf("    services: ${{ matrix.text }}").services, contexts)).toThrow(/must give a map/);
});

test("an expression gives a whole container, or its image", () => {
  const whole = jobOf("    container: ${{ matrix.one }}").container;
  expect(evaluateTemplate(whole?.image ?? "", contexts)).toBe("debian");
  expect(evaluateTemplate(whole?.credentials?.username ?? "", contexts)).toBe("ada");
  expect(evaluateValue(whole?.volumes[0] ?? "", contexts)).toEqual(["a:/b"]);
  const named = jobOf("    container: ${{ matrix.text }}").container;
  expect(evaluateTemplate(named?.image ?? "", contexts)).toBe("alpine:3");
  expect(evaluateTemplate(named?.credentials?.username ?? "", contexts)).toBe("");
});

test("an expression gives a list", () => {
  const { container } = jobOf("    container: {image: a, ports: '${{ matrix.ports }}'}");
  expect(evaluateValue(container?.ports[0] ?? "", contexts)).toEqual(["80", "81:81"]);
});
