"use strict";
// npm start: the whole farm on this machine.

const { runWindrow } = require("./windrow.cjs");

runWindrow(["up", ...process.argv.slice(2)]);
