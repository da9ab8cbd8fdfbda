#!/usr/bin/env node
"use strict";
// The `windrow` command. It works on any Node the machine has, because it runs itself on the Node of the dependencies.

const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { NODE_MAJOR, ROOT, ensure, findNode, majorOf, runInPlace } = require("./ensure.cjs");

const MAIN = path.join(ROOT, "packages", "cli", "src", "main.ts");

async function runWindrow(args) {
  ensure();
  const tsx = pathToFileURL(require.resolve("tsx", { paths: [ROOT] })).href;
  if (majorOf(process.versions.node) >= NODE_MAJOR) {
    process.argv = [process.execPath, MAIN, ...args];
    await import(tsx);
    await import(pathToFileURL(MAIN).href);
    return;
  }
  // This process only waits for the other one, which hides a token in its own arguments.
  if (args.some((arg) => /^--token(=|$)/.test(arg))) process.title = "windrow";
  process.exit(await runInPlace(findNode(), ["--import", tsx, MAIN, ...args]));
}

module.exports = { runWindrow };

if (require.main === module) void runWindrow(process.argv.slice(2));
