/** Opening a session costs a controller so much of its time, with room for everything else it does. */
const PER_SESSION_MS = 5;
/** The shortest time over which agents spread their tries, and the longest one that a controller asks for. */
export const RECONNECT_WITHIN_MS = 2_500;
const RECONNECT_WITHIN_MS_MAX = 60_000;
/** A lease is worth several tries to reach a controller again, however short its pool made it. */
const RECONNECTS_PER_LEASE = 6;
/** A window that grew with the fleet may take more of it: another controller may be there, which extends no lease. */
const WIDE_RECONNECTS_PER_LEASE = 3;
/** Tries of one agent, each within a window, for which a controller that comes back keeps the leases. */
const RECONNECT_TRIES = 3;

/** Over how long the agents of a controller with so many sessions are to spread their coming back, ms. */
export function reconnectWindowMs(sessionsCount: number): number {
  return Math.min(RECONNECT_WITHIN_MS_MAX, Math.max(RECONNECT_WITHIN_MS, sessionsCount * PER_SESSION_MS));
}

/** Over how long one agent spreads its tries: what the controller asked for, as far as its lease allows, ms. */
export function ownReconnectWindowMs(askedMs: number, leaseTtlMs: number): number {
  const least = Math.min(RECONNECT_WITHIN_MS, leaseTtlMs / RECONNECTS_PER_LEASE);
  return Math.max(least, Math.min(askedMs, leaseTtlMs / WIDE_RECONNECTS_PER_LEASE));
}

/** How much longer than a lease the leases hold after an outage of all controllers, with so many agents to come back, ms. */
export function comingBackMs(agentsCount: number): number {
  const windowMs = reconnectWindowMs(agentsCount);
  return windowMs > RECONNECT_WITHIN_MS ? RECONNECT_TRIES * windowMs : 0;
}
