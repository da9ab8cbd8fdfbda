// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ActionShelf, stepsOf } from "./action-shelf.ts";
import { AgentBench } from "./agent-bench.ts";
import { planOf } from "./fake-controller.ts";

let bench: AgentBench | undefined;
afterEach(() => bench?.stop());

describe.runIf(process.getuid?.() === 0)("actions of a job with a user of its own", () => {
  it("write their files, keep state, and read no more than their user may", async () => {
    bench = new AgentBench({ openActions: () => shelf.port });
    const shelf = new ActionShelf(join(bench.dir, "shelf"));
    shelf.add("acme/writes@v1", {
      "action.yml": "name: w\nruns: { using: node24, main: main.js, post: post.js }\n",
      "main.js": `const fs = require("fs"); const put = (name, line) => fs.appendFileSync(process.env[name], line + "\\n");
        put("GITHUB_OUTPUT", "uid=" + (process.getuid() === 0 ? "root" : "own")); put("GITHUB_STATE", "kept=yes");
        put("GITHUB_STEP_SUMMARY", "# done"); put("GITHUB_ENV", "A=1"); put("GITHUB_PATH", "/x")`,
      "post.js": "console.log(process.env.STATE_kept)",
    });
    await bench.start({ withSlotUsers: true });
    const attempt = bench.controller.offer(
      planOf(
        stepsOf(`
          - id: write
            uses: acme/writes@v1
          - run: |
              echo "\${{ steps.write.outputs.uid }} $A \${PATH%%:*}"
              mkdir -p mine && echo 'runs: { using: composite, steps: [ { run: id -un, shell: bash } ] }' > mine/action.yml
              ln -s /root stolen
              echo "::add-matcher::stolen/matcher.json"
          - uses: ./mine
          - uses: ./stolen
        `),
      ),
    );
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "failed" });
    const log = (stepNo: number) => bench?.controller.log(attempt, String(stepNo)).toString();
    expect(log(1)).toBe("own 1 /x\n::add-matcher::stolen/matcher.json\n");
    expect(log(2)).not.toContain("root");
    expect(log(4)).toBe("yes\n");
    expect(bench.lastReport(attempt, 0)?.summary).toBe("# done\n");
    expect(bench.lastReport(attempt, 3)?.fault).toContain("the action './stolen' cannot be used");
  });
});
