import { expect, it } from "vitest";
import { createMaskBook } from "./mask-book.ts";
import { maskVariants } from "./mask-variants.ts";

it("hides secrets as they are also when the forms derived from earlier ones have no more room", () => {
  const book = createMaskBook({ masks: [], earlierMasks: [], onMask: () => {} });
  const secrets = Array.from({ length: 50 }, (_, no) => `secret-${no}-${"&<>\"'".repeat(400)}`);
  for (const secret of secrets) {
    for (const bytes of maskVariants(Buffer.from(secret))) {
      const form = bytes.toString() === secret ? "written" : "derived";
      expect(book.announce(0, bytes, 0, form)).toBe(true);
    }
  }
  for (const secret of secrets) expect(book.holdsSecret(`has ${secret} in it`)).toBe(true);
});
