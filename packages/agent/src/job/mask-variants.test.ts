import { expect, it } from "vitest";
import { maskVariants, VARIED_BYTES_MAX } from "./mask-variants.ts";

const SECRET = `p<ss "w'rd>&/+?\u{1f511}`;
const isHidden = (shown: string, secret: string) =>
  maskVariants(Buffer.from(secret)).some((form) => Buffer.from(shown).includes(form));

it.each([
  ["as it is", `say ${SECRET}!`],
  ["in JSON", JSON.stringify({ secret: SECRET })],
  ["in a URL", `https://host/?q=${encodeURIComponent(SECRET)}`],
  ["in XML", `<a b="p&lt;ss &quot;w'rd&gt;&amp;/+?\u{1f511}"/>`],
  ["quoted for a shell", `echo 'p<ss "w'\\''rd>&/+?\u{1f511}'`],
  ...["", "a", "ab", "user:", "longer prefix "].flatMap((before) =>
    (["base64", "base64url"] as const).map((alphabet) => [
      `in ${alphabet} behind ${before.length} bytes`,
      Buffer.from(`${before}${SECRET} and more`).toString(alphabet),
    ]),
  ),
])("hides a secret %s", (_, shown) => {
  expect(isHidden(shown, SECRET)).toBe(true);
});

it("hides each line of a secret, and leaves short ones without variants", () => {
  expect(maskVariants(Buffer.from("one\n  two  \n\n")).map(String)).toEqual(
    expect.arrayContaining(["one\n  two  \n\n", "one", "two"]),
  );
  expect(maskVariants(Buffer.from("x")).map(String)).toEqual(["x"]);
});

it("hides bytes that are no text, and long ones as they are only", () => {
  const bytes = Buffer.from([255, 254, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(maskVariants(bytes)[0]).toEqual(bytes);
  expect(maskVariants(bytes).map(String)).toContain(bytes.toString("base64").slice(0, 14));
  expect(maskVariants(Buffer.alloc(VARIED_BYTES_MAX + 1, "a"))).toHaveLength(1);
});
