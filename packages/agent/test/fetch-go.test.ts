import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SetupKit } from "./setup-kit.ts";

let kit: SetupKit;
beforeEach(() => {
  kit = new SetupKit();
});
afterEach(() => kit.remove());

/** A `go` of the machine that lists these words, and fetches what it is told to be. */
function machineGo(lists: string): void {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  writeFileSync(
    join(kit.binDir, "go"),
    `#!/bin/sh
PATH=/bin:/usr/bin
case "$1:$GOTOOLCHAIN" in
  list:local) echo "golang.org/toolchain ${lists.replaceAll("ARCH", arch)}" ;;
  version:go*)
    dir=$GOMODCACHE/golang.org/toolchain@v0.0.1-$GOTOOLCHAIN.linux-${arch}/bin
    mkdir -p "$dir" && echo "a go" > "$dir/go" ;;
  version:*) echo "go version go1.25.1 linux/${arch}" ;;
  *) echo "go: $*: no answer" >&2; exit 1 ;;
esac
`,
    { mode: 0o755 },
  );
}

it("fetches with the machine's go a Go that the agent does not have, once", async () => {
  machineGo(
    "v0.0.1-go1.17.5.linux-ARCH v0.0.1-go1.17.13.linux-ARCH v0.0.1-go1.17.14.plan9-ARCH v0.0.1-go1.18rc1.linux-ARCH",
  );
  const answer = await kit.setUp("setup-go", { "go-version": "1.17.x" });
  expect(answer).toMatchObject({ kind: "done", outputs: { "go-version": "1.17.13" } });
  if (answer.kind !== "done") return;
  expect(answer.paths).toContain(join(kit.toolsDir, "go/1.17.13", process.arch, "bin"));
  expect(answer.say).toContain("Fetched Go 1.17.13 from the Go module proxy");
  machineGo("nothing");
  expect(await kit.setUp("setup-go", { "go-version": "1.17" })).toMatchObject({
    kind: "done",
    outputs: { "go-version": "1.17.13" },
  });
});

it("names what the module proxy has when none of it is wanted", async () => {
  machineGo("v0.0.1-go1.21.0.linux-ARCH v0.0.1-go1.22.1.linux-ARCH");
  expect(await kit.setUp("setup-go", { "go-version": "1.4" })).toMatchObject({
    kind: "refused",
    why: "Go 1.4 cannot be had: this agent has 1.25.1; the Go module proxy has 1.22.1, 1.21.0 and others",
  });
});

it("says why nothing could be fetched", async () => {
  kit.program("go", "go version go1.20.1 linux/amd64");
  writeFileSync(
    join(kit.binDir, "go"),
    '#!/bin/sh\n[ "$1" = version ] && echo "go version go1.20.1 linux/amd64" && exit\necho "go: no route to host" >&2\nexit 1\n',
    { mode: 0o755 },
  );
  expect(await kit.setUp("setup-go", { "go-version": "1.19" })).toMatchObject({
    kind: "refused",
    why: "Go 1.19 cannot be had: this agent has 1.20.1; the go of this agent could not fetch another one: go: no route to host",
  });
});
