import { describe, expect, test } from "vitest";
import { parseWorkflow } from "../src/parse-workflow.ts";

const check = (container: string) =>
  parseWorkflow({
    path: ".windrow/workflows/ci.yml",
    text: [
      "on: push",
      "jobs:",
      "  one:",
      "    runs-on: linux",
      `    container: ${container}`,
      "    steps: [{ run: make }]",
      "",
    ].join("\n"),
  }).diagnostics;

describe("S28: what a container may not have is told when the file is checked, at its place", () => {
  test.each<[what: string, container: string, says: RegExp]>([
    [
      "the whole machine",
      "{ image: x, options: --privileged }",
      /--privileged is refused: with it a job has the whole machine/,
    ],
    ["the machine's processes", "{ image: x, options: --pid host }", /--pid is refused/],
    ["the machine's network", "{ image: x, options: --network=host }", /--network is refused/],
    ["the machine's shared memory", "{ image: x, options: --ipc=host }", /--ipc is refused/],
    [
      "the engine's socket by an option",
      "{ image: x, options: '-v /var/run/docker.sock:/s' }",
      /-v is refused: with the engine's socket/,
    ],
    [
      "the engine's socket by a volume",
      "{ image: x, volumes: ['/var/run/docker.sock:/var/run/docker.sock'] }",
      /engine's socket/,
    ],
    ["a device", "{ image: x, options: --device /dev/sda }", /--device is refused: devices of the machine/],
    [
      "a capability",
      "{ image: x, options: --cap-add SYS_ADMIN }",
      /--cap-add is refused: no container of a job has the capability SYS_ADMIN/,
    ],
    ["a folder that is open already", "{ image: x, options: --workdir /proc/self/fd/8 }", /--workdir is refused/],
    ["a quote that does not end", `{ image: x, options: '-e "A=1' }`, /the options cannot be read/],
    ["an option for an image", "{ image: --privileged }", /"--privileged" is no name of an image/],
    [
      "an option that there is none of",
      "{ image: x, options: --frobnicate }",
      /--frobnicate is not one of the options/,
    ],
  ])("S28: %s", (_what, container, says) => {
    const found = check(container).filter((one) => one.code === "container-refused");
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ severity: "warning", line: 5, message: expect.stringMatching(says) });
    expect(found[0]?.column).toBeGreaterThan(15);
  });

  test.each([
    [
      "what every container may have",
      "{ image: 'postgres:16', options: '--health-cmd pg_isready --memory 512m -e A=1' }",
    ],
    ["a variable with a line break and quotes", `{ image: x, env: { A: "a\\nb\\"c' --privileged" } }`],
    ["what is known only later", "{ image: x, options: '${{ matrix.o }}' }"],
  ])("S28: %s is nothing to tell", (_what, container) => {
    expect(check(container).filter((one) => one.code === "container-refused")).toEqual([]);
  });
});
