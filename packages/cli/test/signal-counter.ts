/** A process for tests: says `ready`, then one line per signal, and ends with 7 at the first SIGTERM. */
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    process.stdout.write(`got ${name}\n`);
    if (name === "SIGTERM") process.exit(7);
  });
}
setInterval(() => undefined, 60_000);
process.stdout.write(`ready ${process.env.WINDROW_TEST_WORD ?? ""}\n`);
