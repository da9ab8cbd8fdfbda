import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogStream, type LogStream } from "./log-stream.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "windrow-log-stream-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

async function readAll(stream: LogStream): Promise<{ text: string; offset: number | undefined }> {
  const pieces: Buffer[] = [];
  let offset: number | undefined;
  for (let chunk = await stream.next(); chunk !== undefined; chunk = await stream.next()) {
    offset ??= chunk.offset;
    pieces.push(Buffer.from(chunk.data));
  }
  return { text: Buffer.concat(pieces).toString(), offset };
}

describe("a stream of several parts", () => {
  it("is one text with one seal, and the same again from any offset", async () => {
    const commands: string[] = [];
    const masks = [{ bytes: Buffer.from("hush"), fromOffset: 0 }];
    const stream = createLogStream({ stream: "3", masks, onCommand: ({ line }) => commands.push(line) });
    stream.addText("first\n");
    stream.addFile(file("1", "a hush\n::debug::x\n"));
    stream.endFile(18);
    stream.addText("second\n");
    stream.addFile(file("2", "hush more than belongs to it"));
    stream.endFile(9);
    await stream.scanEnded();
    expect(commands).toEqual(["::debug::x"]);
    stream.end();
    const text = "first\na ***\n::debug::x\nsecond\n*** more";
    expect((await readAll(stream)).text).toBe(text);
    const sha256 = createHash("sha256").update(text).digest("hex");
    expect(stream.seal).toEqual({ stream: "3", lengthBytes: text.length, sha256 });
    for (let offset = 0; offset < text.length; offset++) {
      stream.rewind(offset);
      expect((await readAll(stream)).text).toBe(text.slice(offset));
      expect(stream.seal?.sha256).toBe(sha256);
    }
    await stream.close();
  });

  it("takes a last line without its end for a command when its process has ended", async () => {
    const commands: string[] = [];
    const stream = createLogStream({ stream: "0", masks: [], onCommand: ({ line }) => commands.push(line) });
    stream.addFile(file("1", "::set-output name=a::1"));
    stream.endFile(22);
    await stream.scanEnded();
    expect(commands).toEqual(["::set-output name=a::1"]);
    stream.addText("\n");
    stream.end();
    expect((await readAll(stream)).text).toBe("::set-output name=a::1\n");
    await stream.close();
  });

  it("is not cut short when the end of a part is told while it is read", async () => {
    const stream = createLogStream({ stream: "0", masks: [], onCommand: () => {} });
    const path = file("1", "");
    stream.addFile(path);
    // It finds nothing; before it says so the process writes and ends.
    const reading = stream.next();
    appendFileSync(path, "late\n");
    stream.endFile(5);
    expect(await reading).toMatchObject({ offset: 0, data: Buffer.from("late\n") });
    stream.end();
    expect((await readAll(stream)).text).toBe("");
    expect(stream.seal?.lengthBytes).toBe(5);
    await stream.close();
  });

  it("ends where a file does that a crash of the machine cut short", async () => {
    const stream = createLogStream({ stream: "0", masks: [], onCommand: () => {} });
    stream.addFile(file("1", "abc\n"));
    stream.endFile(400);
    stream.addFile(join(dir, "gone"));
    stream.endFile(7);
    stream.addText("agent\n");
    await stream.scanEnded();
    stream.end();
    expect((await readAll(stream)).text).toBe("abc\nagent\n");
    expect(stream.seal?.lengthBytes).toBe(10);
    await stream.close();
  });
});
