// As much of an agent as `windrow up` needs: it says hello, and goes when asked.
const { WINDROW_URL, WINDROW_AGENT_NAME, WINDROW_AGENT_DIR, WINDROW_JOIN_TOKEN } = process.env;
if (!WINDROW_AGENT_DIR || WINDROW_JOIN_TOKEN !== "wrj_test") throw new Error("not configured");
process.on("SIGTERM", () => process.exit(0));
await fetch(`${WINDROW_URL}/stand-in/hello/${WINDROW_AGENT_NAME}`);
setInterval(() => undefined, 60_000);
