"use strict";
// npm start: the whole farm on this machine.

const { runWindrow } = require("./windrow.cjs");

void runWindrow(["up", ...process.argv.slice(2)]);
