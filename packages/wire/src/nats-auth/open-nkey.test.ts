import { createAccount, fromPublic } from "@nats-io/nkeys";
import { expect, test } from "vitest";
import { openNkey } from "./open-nkey.ts";

test("signs what the library's own key pair would sign, byte for byte", () => {
  const pair = createAccount();
  const opened = openNkey(new TextDecoder().decode(pair.getSeed()));
  const data = Buffer.from("a credential");
  expect(opened.getPublicKey()).toBe(pair.getPublicKey());
  expect(opened.getPrivateKey()).toEqual(pair.getPrivateKey());
  expect(Buffer.from(opened.sign(data))).toEqual(Buffer.from(pair.sign(data)));
  expect(fromPublic(opened.getPublicKey()).verify(data, opened.sign(data))).toBe(true);
});

test("text that is no seed is refused", () => {
  expect(() => openNkey("SAAAnonsense")).toThrow();
});
