// biome-ignore-all lint/suspicious/noTemplateCurlyInString: arguments of Dockerfiles
import { describe, expect, it } from "vitest";
import { readBaseImages, refuseCopyingTriggers } from "../src/docker/base-images.ts";

describe("the images that a Dockerfile builds on", () => {
  it.each<[string, string, readonly string[]]>([
    ["one", "FROM debian:12\nRUN true", ["debian:12"]],
    ["a name without a tag", "from node\n", ["node:latest"]],
    ["a digest", `FROM a/b@sha256:${"0".repeat(64)}`, [`a/b@sha256:${"0".repeat(64)}`]],
    ["nothing at all", "FROM scratch\nCOPY a /a", []],
    ["stages", "FROM a:1 AS build\nFROM b:1\nCOPY --from=build /x /x\nCOPY --from=0 /y /y", ["a:1", "b:1"]],
    ["a stage on a stage", "FROM a:1 AS One\nFROM one", ["a:1"]],
    ["an image that is copied from", "FROM a:1\nCOPY --chown=1:1 --from=c:2 /x /x", ["a:1", "c:2"]],
    ["arguments", "ARG TAG=12\nARG NAME=debian:$TAG\nFROM ${NAME}", ["debian:12"]],
    ["quoted arguments", "ARG A=\"x\" B='y'\nFROM $A/${B}:${C:-1}${A:+0}", ["x/y:10"]],
    ["given arguments", "ARG GIVEN=a\nFROM $GIVEN:1", ["b:1"]],
    ["continued lines and comments", "FROM \\\n# no\n  a:1\nRUN x \\\n FROM b:1", ["a:1"]],
    ["another escape", "# escape=`\nFROM `\na:1", ["a:1"]],
    ["a platform", "FROM --platform=linux/amd64 a:1", ["a:1"]],
    ["words in a later argument", "FROM a:1\nARG X=FROM\nRUN echo FROM b", ["a:1"]],
  ])("%s", (_what, text, images) => {
    expect(readBaseImages(text, { GIVEN: "b" })).toEqual(images);
  });

  it.each([
    ["a private image of the agent's", "FROM windrow-agent/private:0123"],
    ["the same with its registry", "FROM docker.io/windrow-agent/private:0123"],
    ["the same by arguments", "ARG A=windrow-agent\nFROM $A/private:1"],
    ["an image's number", `FROM sha256:${"a".repeat(64)}`],
    ["the beginning of a number", "FROM 03"],
    ["the beginning of a number to copy from", "FROM a:1\nCOPY --from=0f3 /x /x"],
    ["a number of a stage that is none", "FROM a:1\nCOPY --from=3 /x /x"],
    ["an argument to copy from", "ARG A=1\nFROM a:1\nCOPY --from=$A /x /x"],
    ["what copies later", "FROM a:1\nONBUILD COPY --from=03 /x /x"],
    ["what cannot be told", "FROM ${A#b}"],
    ["an escaped sign", "FROM a\\:1"],
    ["nothing", "FROM"],
  ])("S28: are not %s", (_what, text) => {
    expect(() => readBaseImages(text, {})).toThrow(expect.objectContaining({ code: "container_refused" }));
  });

  it("copy from nowhere by themselves", () => {
    expect(() => refuseCopyingTriggers("a:1", ["RUN true", "COPY . /app"])).not.toThrow();
    expect(() => refuseCopyingTriggers("a:1", ["COPY --from=03 / /"])).toThrow(/copies from another image/);
  });
});
