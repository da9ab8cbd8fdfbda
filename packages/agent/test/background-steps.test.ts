// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "@windrow/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BACKGROUND_STEPS_MAX } from "../src/job/background-steps.ts";
import { stepsOf } from "./action-shelf.ts";
import { AgentBench, waitFor } from "./agent-bench.ts";
import { type FakeAttempt, planOf } from "./fake-controller.ts";

let bench: AgentBench;
beforeEach(() => {
  bench = new AgentBench();
});
afterEach(() => bench.stop());

const offer = (steps: string, more: Partial<Plan> = {}) => bench.controller.offer(planOf(stepsOf(steps), more));
const log = (attempt: FakeAttempt, stepNo: number) => bench.controller.log(attempt, String(stepNo)).toString();
const logged = (attempt: FakeAttempt, stepNo: number, words: string) =>
  waitFor(`"${words}"`, () => log(attempt, stepNo).includes(words));
const gate = (name: string) => join(bench.dir, name);
const openGate = (name: string) => writeFileSync(gate(name), "");
const waitAt = (name: string) => `while ! [ -e ${gate(name)} ]; do sleep 0.02; done`;

describe("background steps", () => {
  it("run beside the others; what they leave is seen after the wait", async () => {
    await bench.start();
    const attempt = offer(`
      - id: server
        background: true
        run: |
          echo up; while ! [ -e asked ]; do sleep 0.02; done
          echo "word=answered" >> "$GITHUB_OUTPUT"
          echo "FROM=server" >> "$GITHUB_ENV"
      - run: echo "before [\${{ steps.server.outputs.word }}] [$FROM]"; touch asked
      - wait: server
      - run: echo "after [\${{ steps.server.outputs.word }}] [$FROM] \${{ steps.server.outcome }}"
    `);
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect(log(attempt, 0)).toBe("up\n");
    expect(log(attempt, 1)).toBe("before [] []\n");
    expect(log(attempt, 3)).toBe("after [answered] [server] succeeded\n".replace("succeeded", "success"));
    expect(bench.outcomes(attempt)).toEqual(["succeeded", "succeeded", "succeeded", "succeeded"]);
  });

  it("fail their job where they are waited for, also when only its end does", async () => {
    await bench.start();
    const waited = offer(`
      - { id: bad, background: true, run: exit 5 }
      - run: echo "\${{ job.status }}"
      - wait: bad
      - run: echo never
      - run: echo "\${{ job.status }} \${{ steps.bad.outcome }}"
        if: failure()
    `);
    expect(await bench.finished(waited)).toMatchObject({ outcome: "failed" });
    expect(log(waited, 1)).toBe("success\n");
    expect(bench.outcomes(waited)).toEqual(["failed", "succeeded", "succeeded", "skipped", "succeeded"]);
    expect(log(waited, 4)).toBe("failure failure\n");
    const left = offer("- { background: true, run: sleep 0.2; exit 5 }\n- run: echo done");
    expect(await bench.finished(left)).toMatchObject({ outcome: "failed" });
    expect(bench.outcomes(left)).toEqual(["failed", "succeeded"]);
  });

  it("run side by side when they stand under parallel", async () => {
    await bench.start();
    const attempt = offer(`
      - parallel:
          - run: touch one; while ! [ -e two ]; do sleep 0.02; done; echo first
          - run: touch two; while ! [ -e one ]; do sleep 0.02; done; echo second
      - run: ls
    `);
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect([log(attempt, 0), log(attempt, 1)]).toEqual(["first\n", "second\n"]);
  });

  it("are ended by a cancel step, which fails nothing, and by the cancel of their job", async () => {
    await bench.start();
    const ended = offer(`
      - { id: server, background: true, run: "trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.05; done" }
      - run: sleep 0.3
      - cancel: server
      - run: echo "\${{ steps.server.outcome }} \${{ job.status }}"
    `);
    expect(await bench.finished(ended)).toMatchObject({ outcome: "succeeded" });
    expect(log(ended, 0)).toBe("up\nbye\n");
    expect(log(ended, 3)).toBe("cancelled success\n");
    const stopped = offer("- { background: true, run: echo up; exec sleep 300 }\n- run: exec sleep 300");
    await logged(stopped, 0, "up");
    bench.controller.say({ kind: "cancel", ...stopped.offer, reason: "a person asked" });
    expect(await bench.finished(stopped)).toMatchObject({ outcome: "cancelled" });
    expect(bench.outcomes(stopped)).toEqual(["cancelled", "cancelled"]);
  });

  it("are refused above their number", async () => {
    await bench.start();
    const many = Array.from({ length: BACKGROUND_STEPS_MAX + 1 }, () => "- { background: true, run: exec sleep 300 }");
    const attempt = offer(`${many.join("\n")}\n- run: echo on`, { timeoutMs: 4_000 });
    await waitFor("the refusal", () => bench.lastReport(attempt, BACKGROUND_STEPS_MAX)?.fault);
    expect(bench.lastReport(attempt, BACKGROUND_STEPS_MAX)?.fault).toContain("at most 32 background steps");
    bench.controller.say({ kind: "cancel", ...attempt.offer, reason: "seen" });
    await bench.finished(attempt, 20_000);
  });

  it("go on over a restart of the agent: the same bytes, secrets of the other stream included", async () => {
    const agent = await bench.start();
    const attempt = offer(`
      - id: other
        background: true
        run: |
          echo "other hush"; ${waitAt("heard")}
          echo "::add-mask::quiet"; echo said; ${waitAt("go")}; echo "hush quiet"; echo "w=1" >> "$GITHUB_OUTPUT"
      - run: |
          echo "main quiet"; ${waitAt("heard")}; echo "::add-mask::hush"; ${waitAt("go")}; echo "quiet hush"
      - wait: other
      - run: echo "\${{ steps.other.outputs.w }} quiet hush"
    `);
    await logged(attempt, 0, "hush");
    await logged(attempt, 1, "quiet");
    openGate("heard");
    await logged(attempt, 0, "said");
    await logged(attempt, 1, "add-mask");
    await agent.stop();
    openGate("go");
    await bench.start();
    const finish = await bench.finished(attempt);
    expect(finish).toMatchObject({ outcome: "succeeded" });
    expect(log(attempt, 0)).toBe("other hush\n::add-mask::***\nsaid\n*** ***\n");
    expect(log(attempt, 1)).toBe("main quiet\n::add-mask::***\n*** ***\n");
    expect(log(attempt, 3)).toBe("1 *** ***\n");
    for (const stepNo of [0, 1, 3]) {
      const sha256 = createHash("sha256").update(log(attempt, stepNo)).digest("hex");
      expect(finish.seals.find((seal) => seal.stream === String(stepNo))?.sha256).toBe(sha256);
    }
    expect(attempt.startsCount).toBe(2);
  });
});
