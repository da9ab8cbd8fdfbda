// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Annotation, Plan } from "@windrow/model";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ActionShelf, stepsOf } from "./action-shelf.ts";
import { AgentBench } from "./agent-bench.ts";
import { planOf } from "./fake-controller.ts";

// The corners of the workflow language that an agent decides, as a table: what a job says, and what becomes of it.

interface Corner {
  readonly rule: string;
  readonly steps: string;
  readonly plan?: Partial<Plan>;
  readonly masks?: string[];
  /** Of the job; `succeeded` unless told. */
  readonly outcome?: string;
  /** Of the steps in order of their numbers. */
  readonly outcomes?: readonly string[];
  /** By step number: its whole log. */
  readonly logs?: { readonly [stepNo: number]: string };
  /** By step number: `level: message`. */
  readonly remarks?: { readonly [stepNo: number]: readonly string[] };
  readonly annotations?: { readonly [stepNo: number]: readonly Annotation[] };
  readonly summaries?: { readonly [stepNo: number]: string | undefined };
  /** Words of a step's fault. */
  readonly faults?: { readonly [stepNo: number]: string };
  readonly outputs?: { readonly [name: string]: string };
  /** What the job says of its end. */
  readonly message?: string;
  /** Cancelled as soon as this stands in the log of the step. */
  readonly cancelAt?: { readonly stepNo: number; readonly words: string };
}

const sha256 = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest();
/** Of files with these texts: the digest of their digests. */
const digestOf = (...texts: string[]) => sha256(Buffer.concat(texts.map(sha256))).toString("hex");

const failed = { outcome: "failed" } as const;
const NO_KEYS = { env: [], ports: [], volumes: [] };

const CORNERS: readonly Corner[] = [
  {
    rule: "corner 8: a variable, an output and a path are seen by later steps only",
    steps: `
      - id: say
        run: |
          echo "NAME=ada" >> "$GITHUB_ENV"
          echo "word=hello" >> "$GITHUB_OUTPUT"
          echo "/opt/mine" >> "$GITHUB_PATH"
          echo "now: $NAME"
      - run: echo "then $NAME \${{ env.NAME }} \${{ steps.say.outputs.word }} \${PATH%%:*}"
    `,
    logs: { 0: "now: \n", 1: "then ada ada hello /opt/mine\n" },
  },
  {
    rule: "an expression may give the whole map of variables, and what it gives is text",
    plan: {
      matrix: { env: { A: 1, B: "it's ${{ github.sha }}" } },
      env: [
        ["A", "0"],
        ["${{ insert }}", "${{ matrix.env }}"],
      ],
    },
    steps: `
      - run: echo "$A $B"
      - run: echo "$A $C"
        env: \${{ fromJSON('{"C":true}') }}
    `,
    logs: { 0: "1 it's ${{ github.sha }}\n", 1: "1 true\n" },
  },
  {
    rule: "corner 8: the files are fresh for every step",
    steps: `
      - run: echo "A=1" >> "$GITHUB_ENV"
      - run: wc -c < "$GITHUB_ENV"
    `,
    logs: { 1: "0\n" },
  },
  {
    rule: "corner 8: a value of several lines ends at its delimiter",
    steps: `
      - run: printf 'TEXT<<EOT\\none\\ntwo=2\\nEOT\\n' >> "$GITHUB_ENV"
      - run: echo "$TEXT"
    `,
    logs: { 1: "one\ntwo=2\n" },
  },
  {
    rule: "corner 8: a missing delimiter fails the step",
    steps: `
      - run: printf 'TEXT<<EOT\\none\\n' >> "$GITHUB_ENV"
    `,
    ...failed,
    faults: { 0: "has no line with its delimiter 'EOT'" },
  },
  {
    rule: "corner 8: NODE_OPTIONS and what describes the job cannot be set, which fails nothing",
    steps: `
      - run: printf 'NODE_OPTIONS=--x\\nGITHUB_SHA=y\\nRUNNER_OS=z\\nCI=mine\\n' >> "$GITHUB_ENV"
      - run: echo "$NODE_OPTIONS-\${GITHUB_SHA%\${GITHUB_SHA#?}}-$RUNNER_OS-$CI"
    `,
    logs: { 1: "-a-Linux-mine\n" },
    remarks: {
      0: [
        "error: GITHUB_ENV: 'NODE_OPTIONS' may not be set",
        "error: GITHUB_ENV: 'GITHUB_SHA' may not be set",
        "error: GITHUB_ENV: 'RUNNER_OS' may not be set",
      ],
    },
  },
  {
    rule: "corner 8: a summary goes with the step, without secrets",
    steps: `
      - run: echo "## all of it is hush" >> "$GITHUB_STEP_SUMMARY"
      - run: echo nothing
    `,
    masks: ["hush"],
    summaries: { 0: "## all of it is ***\n", 1: undefined },
  },
  {
    rule: "corner 8: a summary above 1 MiB is left out with an error and fails nothing",
    steps: `
      - run: head -c 1048577 /dev/zero | tr '\\0' x >> "$GITHUB_STEP_SUMMARY"
    `,
    summaries: { 0: undefined },
    remarks: { 0: ["error: GITHUB_STEP_SUMMARY is left out: it is larger than 1048576 bytes"] },
  },
  {
    rule: "corner 9: annotations have a place, names of commands have no case, escapes are undone",
    steps: `
      - run: echo "::ERROR file=a%2Cb.c,line=3,endLine=4,col=5,endColumn=6,title=T%3A1::bad%25 %0Athing"
    `,
    annotations: {
      0: [
        {
          level: "error",
          message: "bad% \nthing",
          title: "T:1",
          file: "a,b.c",
          line: 3,
          endLine: 4,
          column: 5,
          endColumn: 6,
        },
      ],
    },
  },
  {
    rule: "corner 9: ten annotations of each level and step, each of 4,096 characters",
    steps: `
      - run: |
          for no in $(seq 12); do echo "::warning::w$no"; echo "::notice::n$no"; done
          printf '::error::%05000d\\n' 1
    `,
    remarks: {
      0: [
        ...Array.from({ length: 10 }, (_, no) => [`warning: w${no + 1}`, `notice: n${no + 1}`]).flat(),
        `error: ${"0".repeat(4096)}`,
      ],
    },
  },
  {
    rule: "corner 9: nothing is a command between stop-commands and its token",
    steps: `
      - run: |
          echo "::stop-commands::t0ken"
          echo "::warning::not heard"
          echo "::t0ken::"
          echo "::warning::heard"
    `,
    remarks: { 0: ["warning: heard"] },
  },
  {
    rule: "corner 9: set-output is honoured still, set-env and add-path fail the step",
    steps: `
      - id: old
        run: echo "::set-output name=word::hi"
      - run: echo "\${{ steps.old.outputs.word }}"
      - run: echo "::set-env name=A::1"
        continue-on-error: true
      - run: echo "::add-path::/x"
    `,
    ...failed,
    logs: { 1: "hi\n" },
    outcomes: ["succeeded", "succeeded", "failed", "failed"],
    faults: { 2: "GITHUB_ENV", 3: "GITHUB_PATH" },
  },
  {
    rule: "corner 9: set-env and add-path are obeyed where a step allows unsecure commands",
    steps: `
      - run: |
          echo "::set-env name=A::1"
          echo "::set-env name=NODE_OPTIONS::--require=/tmp/evil.js"
          echo "::add-path::/odd"
        env: { ACTIONS_ALLOW_UNSECURE_COMMANDS: true }
      - run: echo "$A \${PATH%%:*} [$NODE_OPTIONS]"
    `,
    remarks: { 0: ["error: set-env: 'NODE_OPTIONS' may not be set"] },
    logs: { 1: "1 /odd []\n" },
  },
  {
    rule: "corner 9: a problem matcher holds for later steps, until it is removed",
    steps: `
      - run: |
          echo '{"problemMatcher":[{"owner":"cc","pattern":[{"regexp":"^(.+):([0-9]+): (warning|error): (.+)$","file":1,"line":2,"severity":3,"message":4}]}]}' > cc.json
          echo "a.c:1: error: before"
          echo "::add-matcher::cc.json"
      - run: |-
          printf "$PWD/"'a.c:7: \\033[31merror\\033[0m: bad\\nb.c:8: warning: hmm'
      - run: |
          echo "::remove-matcher owner=cc::"
          echo "a.c:9: error: later"
    `,
    annotations: {
      1: [
        { level: "error", message: "bad", file: "a.c", line: 7 },
        { level: "warning", message: "hmm", file: "b.c", line: 8 },
      ],
      2: [],
    },
  },
  {
    rule: "corner 9: a problem matcher without end is taken away, and no file outside the job is one",
    steps: `
      - run: |
          echo '{"problemMatcher":[{"owner":"evil","pattern":[{"regexp":"^(a+)+$","message":1}]}]}' > evil.json
          echo "::add-matcher::/etc/passwd"
          echo "::add-matcher::evil.json"
      - run: printf '%s\\n' aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab; echo done
    `,
    remarks: {
      0: ["warning: the problem matchers in '/etc/passwd' are not used: it stands outside the job's folders"],
      1: ["warning: the problem matcher 'evil' is taken away: it took longer than 300 ms"],
    },
  },
  {
    rule: "corner 10: a secret is hidden in logs, remarks, summaries and names, each of its lines too",
    steps: `
      - run: |
          printf '::add-mask::first%%0Asecond\\n'
          echo "the second one"
          echo "::warning::about first"
          echo "first" >> "$GITHUB_STEP_SUMMARY"
          echo "word=first" >> "$GITHUB_OUTPUT"
        id: say
      - name: with \${{ steps.say.outputs.word }}
        run: echo "\${{ steps.say.outputs.word }}"
    `,
    plan: { outputs: [["kept", "${{ steps.say.outputs.word }}"]] },
    logs: { 0: "::add-mask::***\nthe *** one\n::warning::about ***\n", 1: "***\n" },
    remarks: { 0: ["warning: about ***"] },
    summaries: { 0: "***\n" },
    outputs: {},
  },
  {
    rule: "corner 10: a secret is hidden in base64 and escaped too",
    steps: `
      - run: |
          printf 'user:hush-hush-hush' | base64
          echo '{"a":"hush-\\"-quoted"}'
          echo "::add-mask::an&other secret"
          echo "https://host/?q=an%26other%20secret"
    `,
    masks: ["hush-hush-hush", 'hush-"-quoted'],
    logs: { 0: 'dXNlcjpo***A==\n{"a":"***"}\n::add-mask::***\nhttps://host/?q=***\n' },
  },
  {
    rule: "corner 11: without a shell a failure inside a pipe is none, with bash it is",
    steps: `
      - run: false | true
      - run: false | true
        shell: bash
    `,
    ...failed,
    outcomes: ["succeeded", "failed"],
  },
  {
    rule: "corner 11: every shell runs its own language, also one by a template",
    steps: `
      - run: |
          mkdir bin
          printf '#!/bin/sh\\necho a snake reads; cat "$1"\\n' > bin/python3
          chmod +x bin/python3
          echo "$PWD/bin" >> "$GITHUB_PATH"
      - run: print(6 * 7)
        shell: python
      - run: echo "$0" | sed 's/.*-//'
        shell: sh
      - run: print "hi\\n"
        shell: perl -Mstrict {0}
      - run: '[[ a == a ]] && echo yes'
        shell: bash
    `,
    logs: { 1: "a snake reads\nprint(6 * 7)\n", 2: "script.sh\n", 3: "hi\n", 4: "yes\n" },
  },
  {
    rule: "corner 11: a shell that is not there is named, with those that are",
    steps: `
      - run: Get-Date
        shell: fortsh {0}
    `,
    ...failed,
    faults: { 0: "the shell 'fortsh {0}' needs 'fortsh', which this agent does not have; it has bash, sh" },
  },
  {
    rule: "corner 11: a step's shell and folder win over the job's defaults",
    steps: `
      - run: mkdir -p a b
        working-directory: .
      - run: basename "$PWD"
      - run: basename "$PWD"
        working-directory: b
        shell: sh
    `,
    plan: { defaults: { workingDirectory: "a", shell: "bash" } },
    logs: { 1: "a\n", 2: "b\n" },
  },
  {
    rule: "corner 11: a default is evaluated where the job runs, and once",
    steps: `
      - run: mkdir -p sub 'a \${{ vars.DIR }}'
        working-directory: .
      - run: basename "$PWD"
    `,
    plan: {
      defaults: { workingDirectory: "${{ github.workspace }}/${{ inputs.dir }}" },
      inputs: { dir: "a ${{ vars.DIR }}" },
      vars: { DIR: "${{ vars.DIR }}" },
    },
    logs: { 1: "a ${{ vars.DIR }}\n" },
  },
  {
    rule: "corner 12: an expression in a script is pasted in before the shell sees it",
    steps: `
      - id: say
        run: echo 'text=a"; echo "pasted' >> "$GITHUB_OUTPUT"
      - run: echo "\${{ steps.say.outputs.text }}"
    `,
    logs: { 1: "a\npasted\n" },
  },
  {
    rule: "corner 7: the outputs of a job are texts, what would make them more than 1 MiB is left out",
    steps: `
      - id: say
        run: |
          echo "small=1" >> "$GITHUB_OUTPUT"
          printf 'large=' >> "$GITHUB_OUTPUT"; head -c 1040000 /dev/zero | tr '\\0' x >> "$GITHUB_OUTPUT"
    `,
    plan: {
      outputs: [
        ["small", "${{ steps.say.outputs.small }}"],
        ["isSmall", "${{ steps.say.outputs.small == 1 }}"],
        ["large", "${{ steps.say.outputs.large }}${{ steps.say.outputs.large }}"],
      ],
    },
    outputs: { small: "1", isSmall: "true" },
  },
  {
    rule: "corner 15: hashFiles is the SHA-256 of the files' own, within the workspace, and '' where nothing matches",
    steps: `
      - run: |
          mkdir sub
          printf one > sub/a.lock; printf two > b.lock; printf three > c.txt
      - run: |
          echo "\${{ hashFiles('b.lock') }}"
          echo "\${{ hashFiles('**/*.lock') }}"
          echo "\${{ hashFiles('*.none') }}[\${{ hashFiles('/etc/passwd') }}]"
    `,
    logs: { 1: `${digestOf("two")}\n${digestOf("two", "one")}\n[]\n` },
  },
  {
    rule: "corner 16: a step above its timeout has failed, and may be allowed to",
    steps: `
      - id: slow
        run: sleep 60
        timeout-minutes: 0.003
        continue-on-error: true
      - run: echo "\${{ steps.slow.outcome }} \${{ steps.slow.conclusion }}"
      - run: sleep 60
        timeout-minutes: \${{ fromJSON('0.003') }}
    `,
    ...failed,
    outcomes: ["timed_out", "succeeded", "timed_out"],
    logs: { 1: "failure success\n" },
  },
  {
    rule: "corner 16: a job above its timeout is cancelled, and steps that want to see that run",
    steps: `
      - run: sleep 60
      - run: echo "\${{ job.status }}"
        if: always()
      - run: echo never
    `,
    plan: { timeoutMs: 400 },
    outcome: "timed_out",
    outcomes: ["cancelled", "succeeded", "skipped"],
    logs: { 1: "cancelled\n" },
  },
  {
    rule: "corner 17: outcome stays failure where conclusion is success; skipped is both",
    steps: `
      - id: bad
        run: exit 1
        continue-on-error: \${{ 1 == 1 }}
      - id: none
        run: echo never
        if: "false"
      - run: >-
          echo "\${{ steps.bad.outcome }} \${{ steps.bad.conclusion }}
          \${{ steps.none.outcome }} \${{ steps.none.conclusion }} \${{ job.status }}"
    `,
    outcomes: ["failed", "skipped", "succeeded"],
    logs: { 2: "failure success skipped skipped success\n" },
  },
  {
    rule: "corner 18: a cancel interrupts the step, asks the conditions of the others again, and runs after-parts",
    steps: `
      - uses: acme/with-post@v1
      - run: trap 'echo interrupted; exit 9' INT; echo up; for no in $(seq 600); do sleep 0.1; done
      - run: echo default
      - run: echo "always \${{ job.status }}"
        if: always()
      - run: echo "not cancelled"
        if: "!cancelled()"
      - run: echo "cancelled"
        if: cancelled()
    `,
    cancelAt: { stepNo: 1, words: "up" },
    outcome: "cancelled",
    outcomes: ["succeeded", "cancelled", "skipped", "succeeded", "skipped", "succeeded", "succeeded"],
    logs: { 1: "up\ninterrupted\n", 3: "always cancelled\n", 6: "after\n" },
  },
  {
    rule: "corner 22: after-parts run in reverse order of their steps, whatever failed",
    steps: `
      - uses: acme/with-post@v1
      - uses: acme/with-post@v1
      - run: exit 1
    `,
    ...failed,
    outcomes: ["succeeded", "succeeded", "failed", "succeeded", "succeeded"],
    logs: { 3: "after\n", 4: "after\n" },
  },
  {
    rule: "corner 22: a step that did not run has no after-part",
    steps: `
      - uses: acme/with-post@v1
        if: github.ref == 'refs/heads/other'
    `,
    outcomes: ["skipped"],
  },
  {
    rule: "corner 22: before-parts run before all steps, and then the after-part does too",
    steps: `
      - run: echo main
      - uses: acme/with-all@v1
        if: "false"
    `,
    outcomes: ["succeeded", "skipped", "succeeded", "succeeded"],
    logs: { 3: "after\n", 5: "before\n" },
  },
  {
    rule: "corner 22: state reaches the after-part as STATE_…",
    steps: `
      - uses: acme/with-state@v1
    `,
    logs: { 1: "by file and by command\n" },
  },
  {
    rule: "corner 23: a service, a container, an image as a step are refused by name",
    steps: `
      - run: echo never
    `,
    plan: { services: [{ name: "db", image: "${{ github.event_name }}:17", ...NO_KEYS }] },
    ...failed,
    message:
      "The job asks for the service 'db' of the image 'push:17': this agent has no Docker engine to make containers with",
    outcomes: [],
  },
  {
    rule: "corner 23: a job container is refused by name",
    steps: `
      - run: echo never
    `,
    plan: { container: { image: "node:24", ...NO_KEYS } },
    ...failed,
    message:
      "The job asks for a container of the image 'node:24': this agent has no Docker engine to make containers with",
    outcomes: [],
  },
  {
    rule: "corner 23: an image that comes out empty means none",
    steps: `
      - run: echo on the machine itself
    `,
    plan: {
      matrix: { image: "" },
      container: { image: "${{ matrix.image }}", ...NO_KEYS },
      services: [{ name: "db", image: "${{ matrix.database }}", ...NO_KEYS }],
    },
    logs: { 0: "on the machine itself\n" },
  },
  {
    rule: "corner 24: a composite action has its own steps and inputs; outputs are mapped at its end",
    steps: `
      - id: outer
        run: echo "x=outer" >> "$GITHUB_OUTPUT"
      - id: greet
        uses: acme/greet@v1
        with: { Who: ada }
      - run: echo "\${{ steps.greet.outputs.greeting }} \${{ steps.make.outputs.text }}|\${{ inputs.who }}"
    `,
    logs: {
      1: '##[group]Run echo "text=hello ${{ inputs.who }}" >> "$GITHUB_OUTPUT"\n##[endgroup]\n##[group]Show it\n##[endgroup]\nhello ada,  |-|greet\n',
      2: "hello ada |\n",
    },
  },
  {
    rule: "corner 24: variables and paths leak out of a composite action, its caller's env reaches in",
    steps: `
      - uses: acme/leak@v1
        env: { GIVEN: from-caller }
      - run: echo "$LEAKED \${PATH%%:*} [$GIVEN]"
    `,
    logs: { 0: "##[group]Run env\n##[endgroup]\nfrom-caller\n", 1: "from-caller! /leaked []\n" },
  },
  {
    rule: "corner 24: success() inside is the action's own, whatever the job has seen",
    steps: `
      - run: exit 1
      - uses: acme/own-success@v1
        if: always()
    `,
    ...failed,
    outcomes: ["failed", "failed"],
    logs: {
      1: "##[group]first\n##[endgroup]\nran\n##[group]second\n##[endgroup]\n##[group]on failure\n##[endgroup]\nseen failure\n",
    },
  },
  {
    rule: "corner 24: a failure inside fails the caller's step, which may be allowed to",
    steps: `
      - id: inner
        uses: acme/own-success@v1
        continue-on-error: true
      - run: echo "\${{ steps.inner.outcome }} \${{ steps.inner.conclusion }}"
    `,
    outcomes: ["failed", "succeeded"],
    logs: { 1: "failure success\n" },
  },
  {
    rule: "corner 24: a composite action knows where it stands, $/ is its own repository",
    steps: `
      - uses: acme/tree/outer@v1
    `,
    logs: { 0: "##[group]Run $/inner\n##[endgroup]\n##[group]where\n##[endgroup]\ninner acme/tree\n" },
  },
  {
    rule: "corner 24: after-parts of actions inside run after the job",
    steps: `
      - uses: acme/wraps@v1
      - run: echo last
    `,
    outcomes: ["succeeded", "succeeded", "succeeded"],
    logs: {
      2: "##[group]Post acme/with-post@v1\n##[endgroup]\nafter\n##[group]Post acme/with-post@v1\n##[endgroup]\nafter\n",
    },
  },
  {
    rule: "corner 24: composite actions stand in one another ten deep, no deeper",
    steps: `
      - uses: acme/self@v1
    `,
    ...failed,
    remarks: { 0: ["error: 'acme/self@v1': composite actions may stand in one another 10 deep"] },
  },
  {
    rule: "corner 24: a script inside must name its shell",
    steps: `
      - run: |
          mkdir bare
          printf 'runs:\\n  using: composite\\n  steps:\\n    - run: echo x\\n' > bare/action.yml
      - uses: ./bare
    `,
    ...failed,
    faults: { 1: "shell" },
  },
  {
    rule: "corner 25: the token is there, and the addresses are what the toolkit expects of them",
    steps: `
      - run: |
          echo "\${{ github.token != '' && github.token == secrets.GITHUB_TOKEN }} [$GITHUB_TOKEN]"
          echo "$GITHUB_SERVER_URL" | sed 's/:[0-9]*$//'
          [ "$GITHUB_SERVER_URL" = "\${{ github.server_url }}" ] && echo "$GITHUB_API_URL" | sed 's/:[0-9][0-9]*/:PORT/'
          echo "[$ACTIONS_RUNTIME_TOKEN] [$ACTIONS_RESULTS_URL]"
      - uses: acme/identity@v1
    `,
    logs: {
      0: "true []\nhttp://windrow.localhost\nhttp://127.0.0.1:PORT/api/v3\n[] []\n",
      1: "Actions.Results 127.0.0.1 127.0.0.1\n",
    },
  },
];

const composite = (steps: string, head = "") => `name: c\n${head}runs:\n  using: composite\n  steps:\n${steps}`;

function fill(shelf: ActionShelf): void {
  const script = (name: string) => `console.log("${name}")`;
  const javascript = (parts: string) => `name: j\nruns: { using: node24, main: main.js, ${parts} }\n`;
  shelf.add("acme/with-post@v1", {
    "action.yml": javascript("post: post.js"),
    "main.js": "",
    "post.js": script("after"),
  });
  shelf.add("acme/with-all@v1", {
    "action.yml": javascript("pre: pre.js, post: post.js"),
    "pre.js": script("before"),
    "main.js": script("main"),
    "post.js": script("after"),
  });
  shelf.add("acme/with-state@v1", {
    "action.yml": javascript("post: post.js"),
    "main.js":
      'require("fs").appendFileSync(process.env.GITHUB_STATE, "a=by file\\n"); console.log("::save-state name=b::by command")',
    "post.js": "console.log(process.env.STATE_a + ' and ' + process.env.STATE_b)",
  });
  shelf.add("acme/greet@v1", {
    "action.yml": composite(
      `    - id: make
      run: echo "text=hello \${{ inputs.who }}" >> "$GITHUB_OUTPUT"
      shell: bash
    - name: Show it
      run: echo "\${{ steps.make.outputs.text }}, \${{ steps.outer.outputs.x }} |\${INPUT_WHO:--}|\${{ github.action }}" | sed 's/__run_*[0-9]*/greet/'
      shell: bash
`,
      "inputs: { who: { default: nobody } }\noutputs: { greeting: { value: '${{ steps.make.outputs.text }}' } }\n",
    ),
  });
  shelf.add("acme/leak@v1", {
    "action.yml": composite(`    - name: Run env
      run: |
        echo "$GIVEN"
        echo "LEAKED=$GIVEN!" >> "$GITHUB_ENV"
        echo "/leaked" >> "$GITHUB_PATH"
      shell: sh
`),
  });
  shelf.add("acme/own-success@v1", {
    "action.yml": composite(`    - { name: first, run: echo ran, shell: sh }
    - { name: second, run: exit 4, shell: sh }
    - { name: third, run: echo never, shell: sh }
    - { name: on failure, run: "echo seen \${{ github.action_status }}", shell: sh, if: failure() }
`),
  });
  shelf.add("acme/tree/outer@v1", { "action.yml": composite("    - uses: $/inner\n") });
  shelf.add(`acme/tree/inner@${"b".repeat(40)}`, {
    "action.yml": composite(
      `    - name: where
      run: echo "$(basename "$GITHUB_ACTION_PATH") \${{ github.action_repository }}"
      shell: sh
`,
    ),
  });
  shelf.add("acme/wraps@v1", {
    "action.yml": composite("    - uses: acme/with-post@v1\n    - uses: acme/with-post@v1\n"),
  });
  shelf.add("acme/identity@v1", {
    "action.yml": "name: i\nruns: { using: node24, main: main.js }\n",
    "main.js": `const { ACTIONS_RUNTIME_TOKEN: token, ACTIONS_RESULTS_URL: results, ACTIONS_CACHE_URL: cache } = process.env;
const { scp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
console.log(/^(Actions\\.Results):\\d+:\\d+$/.exec(scp)[1], new URL(results).hostname, new URL(cache).hostname);`,
  });
  shelf.add("acme/self@v1", { "action.yml": composite("    - uses: acme/self@v1\n") });
}

let bench: AgentBench;
let shelf: ActionShelf;
beforeAll(async () => {
  bench = new AgentBench({ openActions: () => shelf.port });
  shelf = new ActionShelf(join(bench.dir, "shelf"));
  fill(shelf);
  await bench.start();
});
afterAll(() => bench.stop());

it.each(CORNERS.map((corner) => [corner.rule, corner] as const))("%s", async (_, corner) => {
  const { controller } = bench;
  const masks = corner.masks === undefined ? {} : { masks: corner.masks };
  const attempt = controller.offer(planOf(stepsOf(corner.steps), corner.plan), masks);
  const { cancelAt } = corner;
  const log = (stepNo: number) => controller.log(attempt, String(stepNo)).toString();
  if (cancelAt !== undefined) {
    await expect.poll(() => log(cancelAt.stepNo), { timeout: 10_000 }).toContain(cancelAt.words);
    controller.say({ kind: "cancel", ...attempt.offer, reason: "a person asked" });
  }
  const finish = await bench.finished(attempt);
  const keys = (table: object = {}) => Object.keys(table).map(Number);
  for (const no of keys(corner.faults)) expect(bench.lastReport(attempt, no)?.fault).toContain(corner.faults?.[no]);
  expect(finish.outcome).toBe(corner.outcome ?? "succeeded");
  for (const no of keys(corner.logs)) expect(log(no)).toBe(corner.logs?.[no]);
  for (const no of keys(corner.remarks)) {
    const said = bench.lastReport(attempt, no)?.annotations ?? [];
    expect(said.map(({ level, message }) => `${level}: ${message}`)).toEqual(corner.remarks?.[no]);
  }
  for (const no of keys(corner.annotations)) {
    expect(bench.lastReport(attempt, no)?.annotations ?? []).toEqual(corner.annotations?.[no]);
  }
  for (const no of keys(corner.summaries)) {
    expect(bench.lastReport(attempt, no)?.summary).toBe(corner.summaries?.[no]);
  }
  if (corner.outcomes !== undefined) expect(bench.outcomes(attempt)).toEqual(corner.outcomes);
  if (corner.outputs !== undefined) expect(finish.outputs).toEqual(corner.outputs);
  if (corner.message !== undefined) expect(finish.message).toBe(corner.message);
});
