"use strict";
// node bootstrap.cjs COMMAND [ARGUMENTS]: installs what is missing, then runs a program of the dependencies on their Node.

const fs = require("node:fs");
const path = require("node:path");
const { BIN, ROOT, ensure, fail, findNode, runInPlace } = require("./ensure.cjs");

const STRUCTURE_CHECK = path.join(ROOT, "packages", "docs", "check-structure.ts");

/** `check` = types, lint and format, and the documents' own check; the first that fails ends it. */
function commandsOf(name, args) {
  if (name !== "check") return [[name, ...args]];
  const commands = [
    ["tsc", "-p", "."],
    ["biome", "check", ".", ...args],
  ];
  if (fs.existsSync(STRUCTURE_CHECK)) commands.push(["tsx", STRUCTURE_CHECK]);
  return commands;
}

async function main() {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined) fail("say what to run: bootstrap.cjs COMMAND [ARGUMENTS].");
  ensure();
  findNode();
  process.chdir(ROOT);
  for (const [program, ...rest] of commandsOf(name, args)) {
    const code = await runInPlace(path.join(BIN, program), rest);
    if (code !== 0) process.exit(code);
  }
}

void main();
