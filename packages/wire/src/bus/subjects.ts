import type { AgentId, AttemptId, RunId } from "@windrow/model";
import type { Cancel, Drain, Offer, OfferAnswer } from "../agent-messages.ts";
import type { AgentHint, LogTailBytes, LogTailWanted, PoolWake, RunChanged } from "../bus-messages.ts";
import {
  decodeAgentHint,
  decodeLogTailBytes,
  decodeLogTailWanted,
  decodePoolWake,
  decodeRunChanged,
  encodeAgentHint,
  encodeLogTailBytes,
  encodeLogTailWanted,
  encodePoolWake,
  encodeRunChanged,
} from "../codec/bus-messages.ts";
import {
  decodeCancel,
  decodeDrain,
  decodeOffer,
  decodeOfferAnswer,
  encodeCancel,
  encodeDrain,
  encodeOffer,
  encodeOfferAnswer,
} from "../codec/session-messages.ts";
import { type RequestSubject, type Subject, type SubjectPattern, subjectToken } from "./subject.ts";

// Every subject of the farm. An agent's user may read `wr.agent.<its id>.>` and publish `wr.agent.<its id>.up.>`, and
// nothing else; `wr.ctl` and `wr.log` are between controllers.

/** Controller → agent: "this is yours", answered by accept or decline. */
export const offersTo = (agentId: AgentId): RequestSubject<Offer, OfferAnswer> => ({
  name: `wr.agent.${subjectToken(agentId)}.offer`,
  encode: encodeOffer,
  decode: decodeOffer,
  encodeAnswer: encodeOfferAnswer,
  decodeAnswer: decodeOfferAnswer,
});

/** Controller → agent. */
export const cancelsTo = (agentId: AgentId): Subject<Cancel> => ({
  name: `wr.agent.${subjectToken(agentId)}.cancel`,
  encode: encodeCancel,
  decode: decodeCancel,
});

/** Controller → agent. */
export const drainsTo = (agentId: AgentId): Subject<Drain> => ({
  name: `wr.agent.${subjectToken(agentId)}.drain`,
  encode: encodeDrain,
  decode: decodeDrain,
});

/** Any controller → the one that holds this agent's session. */
export const hintsAbout = (agentId: AgentId): Subject<AgentHint> => ({
  name: `wr.ctl.agent.${subjectToken(agentId)}.hint`,
  encode: encodeAgentHint,
  decode: decodeAgentHint,
});

/** Any controller → the one that dispatches this pool. */
export const wakesOf = (pool: string): Subject<PoolWake> => ({
  name: `wr.ctl.wake.${subjectToken(pool)}`,
  encode: encodePoolWake,
  decode: decodePoolWake,
});

export const everyWake: SubjectPattern<PoolWake> = { name: "wr.ctl.wake.*", decode: decodePoolWake };

/** Any controller → those who show or report this run. */
export const changesOf = (runId: RunId): Subject<RunChanged> => ({
  name: `wr.ctl.run.${runId}`,
  encode: encodeRunChanged,
  decode: decodeRunChanged,
});

export const everyChange: SubjectPattern<RunChanged> = { name: "wr.ctl.run.*", decode: decodeRunChanged };

/** The controller of a watcher → the one that receives this attempt's log. */
export const logWantsOf = (attemptId: AttemptId): Subject<LogTailWanted> => ({
  name: `wr.log.${subjectToken(attemptId)}.want`,
  encode: encodeLogTailWanted,
  decode: decodeLogTailWanted,
});

export const everyLogWant: SubjectPattern<LogTailWanted> = { name: "wr.log.*.want", decode: decodeLogTailWanted };

/** The controller that receives an attempt's log → those of its watchers. */
export const logBytesOf = (attemptId: AttemptId): Subject<LogTailBytes> => ({
  name: `wr.log.${subjectToken(attemptId)}.bytes`,
  encode: encodeLogTailBytes,
  decode: decodeLogTailBytes,
});
