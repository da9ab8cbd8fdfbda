import { expect, test } from "vitest";
import { installLine } from "./install-line.ts";

const install = { script_url: "https://farm:7443/install.sh", script_sha256: "ab".repeat(32) };

test("a script that the machine can check by itself is run as it comes", () => {
  expect(installLine({ ...install, is_pinned: false }, "wrj_x")).toBe(
    "curl -fsSL https://farm:7443/install.sh | sh -s -- --token wrj_x",
  );
});

test("a script from a farm with an authority of its own is compared with its checksum before it runs", () => {
  expect(installLine({ ...install, is_pinned: true }, "wrj_x")).toBe(
    `curl -fsSk https://farm:7443/install.sh -o windrow-install.sh && echo "${"ab".repeat(32)}  windrow-install.sh" | sha256sum -c && sh windrow-install.sh --token wrj_x`,
  );
});
