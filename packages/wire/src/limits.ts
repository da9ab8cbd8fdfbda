/** The version of the agent protocol spoken here; the controller accepts it and the one before. */
export const PROTOCOL_VERSION = 3;

/** Largest chunk of log bytes on the wire. */
export const LOG_CHUNK_BYTES_MAX = 256 * 1024;

/** How many log bytes of one attempt may be on their way without an ack. */
export const LOG_WINDOW_BYTES_MAX = 8 * 1024 * 1024;

export const LABELS_MAX = 64;
export const LABEL_CHARS_MAX = 100;

/** Tools of languages that one agent may name. */
export const TOOLCHAINS_MAX = 64;
export const TOOLCHAIN_CHARS_MAX = 100;

/** Attempts that one agent may name as held. */
export const LEASES_HELD_MAX = 1_024;

/** Largest piece of a document or of an action's tree in one reply. */
export const FETCH_BYTES_MAX = 1024 * 1024;

/** Largest event document that comes with the start's reply; larger ones are fetched in pieces. */
export const EVENT_INLINE_BYTES_MAX = 256 * 1024;

/** Longest name of a branch, tag or commit of an action. */
export const ACTION_REF_CHARS_MAX = 250;

/** Largest message an agent accepts: a plan with long scripts is the biggest one. */
export const CONTROLLER_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** Largest message a controller accepts: a finish report with outputs is the biggest one an agent sends. */
export const AGENT_MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Largest message of a session: the hello of an agent that holds the most attempts has half of it. */
export const SESSION_MESSAGE_BYTES_MAX = 256 * 1024;

/** Messages a session holds for a peer that does not read; one more ends the call. */
export const SESSION_UNSENT_MESSAGES_MAX = 1_024;

/** Deadline of a unary call that names none. */
export const UNARY_DEADLINE_MS = 15_000;

/** A connection that is silent this long is probed, and given up when the probe stays unanswered for the time-out. */
export const KEEPALIVE_EVERY_MS = 10_000;
export const KEEPALIVE_TIMEOUT_MS = 5_000;

/** After a lost connection the next try comes after the first delay, and never later than the second. */
export const RECONNECT_FIRST_MS = 200;
export const RECONNECT_MAX_MS = 1_500;

/** How much an agent lets a controller send ahead of its reading, per call. */
export const RECEIVE_WINDOW_BYTES = 1024 * 1024;

/** Calls that one connection may have open: one log per running attempt, and some. */
export const CALLS_PER_CONNECTION_MAX = 1_024;

/** Acks that wait for an agent which does not read; acks repeat themselves, so far fewer are ever due. */
export const LOG_UNSENT_ACKS_MAX = 4_096;

/** How long a stopping server waits for calls to end before it drops them. */
export const SERVER_STOP_GRACE_MS = 3_000;

/** NATS: a lost connection is tried again after a random time between these, so that a fleet does not come back at once. */
export const BUS_RETRY_FIRST_MS = 250;
export const BUS_RETRY_MAX_MS = 3_000;
export const BUS_CONNECT_TIMEOUT_MS = 5_000;
export const BUS_PING_EVERY_MS = 10_000;

/** How long a closing bus tries to send what is waiting. */
export const BUS_FLUSH_GRACE_MS = 500;

/** Questions that may be in work at once for one subject; more are left unanswered. */
export const BUS_ANSWERS_OPEN_MAX = 256;

/** The longest life of an agent's NATS credential; it renews itself at two thirds. */
export const NATS_USER_LIFE_SECONDS_MAX = 7 * 24 * 3_600;

/** One question to the NATS system account. */
export const NATS_ADMIN_TIMEOUT_MS = 5_000;
export const NATS_REVOKE_TRIES_MAX = 12;
export const NATS_REVOKE_SETTLE_MS = 150;

/** Platforms that one upgrade message may name. */
export const UPGRADE_FILES_MAX = 16;
/** Of why an upgrade failed, as an agent tells it. */
export const UPGRADE_PROBLEM_CHARS_MAX = 1_000;
/** Of the name of an image, with the digest that it has. */
export const IMAGE_NAME_CHARS_MAX = 1_000;
/** Of why an agent cannot do as its pool asks, as it tells it. */
export const UNFIT_PROBLEM_CHARS_MAX = 1_000;
