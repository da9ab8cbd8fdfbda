import type { AgentApi } from "@windrow/wire";
import { type ServeActionsDeps, serveActions } from "../actions/serve-actions.ts";
import { createFetchDocument, type DocumentDeps } from "./fetch-document.ts";
import { createFinishAttempt, type FinishDeps } from "./finish-attempt.ts";
import { createReportSteps, type ReportDeps } from "./report-steps.ts";
import { createServeSession, type SessionDeps } from "./serve-session.ts";
import { createShipLog, type ShipDeps } from "./ship-log.ts";
import { createStartAttempt, type StartDeps } from "./start-attempt.ts";

export type AgentApiDeps = DocumentDeps &
  FinishDeps &
  ReportDeps &
  ServeActionsDeps &
  SessionDeps &
  ShipDeps &
  StartDeps;

/** What this controller does for agents. */
export function createAgentApi(deps: AgentApiDeps): AgentApi {
  return {
    session: createServeSession(deps),
    startAttempt: createStartAttempt(deps),
    reportSteps: createReportSteps(deps),
    shipLog: createShipLog(deps),
    finishAttempt: createFinishAttempt(deps),
    fetchDocument: createFetchDocument(deps),
    ...serveActions(deps),
  };
}
