"use strict";
// What every entry point needs before the real program can run. Plain CommonJS in old syntax: it must load on any Node, so
// that even a very old one answers with a sentence instead of a syntax error.

const { spawn, spawnSync } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.resolve(__dirname, "..", "..", "..");
const MODULES = path.join(ROOT, "node_modules");
const BIN = path.join(MODULES, ".bin");
const STAMP = path.join(MODULES, ".windrow-installed");
const LOCK = path.join(ROOT, "node_modules", ".windrow-installing");
const NODE_MAJOR_MIN = 20;
const NODE_MAJOR = 24;
// What the packages are checked against: the Node that will run them, not the one that installs them.
const NODE_VERSION = "24.21.0";
const PNPM = "pnpm@12.21.0";
const LOCK_WAIT_MS = 600000;
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** Ends with code 3 ("usage or configuration") and one sentence. */
function fail(sentence) {
  process.stderr.write(`windrow: ${sentence}\n`);
  process.exit(3);
}

function say(line) {
  process.stderr.write(`windrow: ${line}\n`);
}

function majorOf(version) {
  return Number(version.split(".")[0]);
}

/** Checks Node and git and brings node_modules in line with the lock file. Ends the process when it cannot. */
function ensure() {
  if (majorOf(process.versions.node) < NODE_MAJOR_MIN) {
    fail(
      `Node ${process.versions.node} is too old: install Node ${NODE_MAJOR_MIN} or newer from https://nodejs.org and run this again.`,
    );
  }
  const git = spawnSync("git", ["--version"], { stdio: "ignore" });
  if (git.error || git.status !== 0) {
    fail(
      "git is missing: install it (Debian, Ubuntu: apt-get install git; others: https://git-scm.com) and run this again.",
    );
  }
  ensureDependencies();
}

/** Compares a stamp with the lock file, so that the usual start costs no package manager. */
function ensureDependencies() {
  const wanted = fingerprint();
  if (readStamp() === wanted && fs.existsSync(path.join(BIN, "tsx"))) return;
  takeLock();
  try {
    // Somebody else may have installed while we waited.
    if (readStamp() === wanted && fs.existsSync(path.join(BIN, "tsx"))) return;
    install();
    fs.writeFileSync(STAMP, wanted);
  } finally {
    fs.rmSync(LOCK, { force: true });
  }
}

function fingerprint() {
  const hash = crypto.createHash("sha256").update(`${process.platform} ${process.arch}`);
  for (const name of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(fs.readFileSync(path.join(ROOT, name)));
  return hash.digest("hex");
}

function readStamp() {
  try {
    return fs.readFileSync(STAMP, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** One install at a time; a lock whose owner died is taken over. */
function takeLock() {
  try {
    fs.mkdirSync(MODULES, { recursive: true });
  } catch (error) {
    fail(`${ROOT} cannot be written (${error.code}): use a checkout that belongs to you.`);
  }
  const until = Date.now() + LOCK_WAIT_MS;
  let isTold = false;
  for (;;) {
    try {
      fs.writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const owner = readLockOwner();
    if (owner === 0 || !isAlive(owner)) {
      fs.rmSync(LOCK, { force: true });
      continue;
    }
    if (!isTold) say(`waiting for process ${owner}, which is installing the dependencies`);
    isTold = true;
    if (Date.now() > until) fail(`process ${owner} has been installing for too long: end it and run this again.`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function readLockOwner() {
  try {
    return Number(fs.readFileSync(LOCK, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return 0;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function install() {
  say("installing the dependencies (the first time this takes up to a minute)");
  const started = Date.now();
  const args = [
    "--yes",
    PNPM,
    "install",
    "--frozen-lockfile",
    "--reporter=append-only",
    `--config.nodeVersion=${NODE_VERSION}`,
  ];
  // CI=true: never ask a question. The output goes to stderr: stdout belongs to the command that follows.
  const env = { ...process.env, CI: "true" };
  const result = spawnSync("npx", args, { cwd: ROOT, env, stdio: ["ignore", 2, 2] });
  if (result.error && result.error.code === "ENOENT") {
    fail("npx is missing: it comes with npm (Debian, Ubuntu: apt-get install npm); install it and run this again.");
  }
  if (result.error) fail(`npx could not be started: ${result.error.message}.`);
  if (result.signal) process.kill(process.pid, result.signal);
  if (result.status !== 0) {
    fail(
      `the dependencies could not be installed (the lines above say why): usually the npm registry cannot be reached; check the network, or set another one with "npm config set registry URL", and run this again.`,
    );
  }
  say(`dependencies installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** The Node that runs the farm: the one among the dependencies, or ours when it is new enough. */
function findNode() {
  const installed = path.join(BIN, "node");
  if (fs.existsSync(installed)) return installed;
  if (majorOf(process.versions.node) >= NODE_MAJOR) return process.execPath;
  return fail(
    `Node ${NODE_MAJOR} has no package for ${process.platform}-${process.arch} among the dependencies: install Node ${NODE_MAJOR} from https://nodejs.org and run this again.`,
  );
}

/** The environment in which the dependencies' programs and their Node come first. */
function childEnv() {
  return { ...process.env, PATH: [BIN, process.env.PATH || "/usr/bin:/bin"].join(path.delimiter) };
}

/**
 * Runs a program in our place: same terminal, same signals, same end. Resolves with its exit code; when a signal ended it,
 * we end by the same one.
 */
function runInPlace(command, args) {
  const child = spawn(command, args, { stdio: "inherit", env: childEnv() });
  for (const signal of FORWARDED_SIGNALS) {
    process.on(signal, () => {
      // A terminal sends its signals to the whole foreground group, so the child has it already.
      if (signal !== "SIGTERM" && isForeground()) return;
      child.kill(signal);
    });
  }
  return new Promise((resolve) => {
    child.on("error", (error) => fail(`${command} could not be started: ${error.message}.`));
    child.on("exit", (code, signal) => {
      if (signal === null) return resolve(code);
      for (const name of FORWARDED_SIGNALS) process.removeAllListeners(name);
      process.kill(process.pid, signal);
      // SIGKILL aside, a signal may be ignored by whoever started us.
      setTimeout(() => resolve(1), 1000);
    });
  });
}

/** True when we are in the foreground group of a terminal. */
function isForeground() {
  try {
    const stat = fs.readFileSync("/proc/self/stat", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[2] === fields[5];
  } catch (error) {
    if (error.code === "ENOENT") return Boolean(process.stdin.isTTY);
    throw error;
  }
}

module.exports = { BIN, ROOT, NODE_MAJOR, ensure, fail, findNode, fingerprint, majorOf, runInPlace };
