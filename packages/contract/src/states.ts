import {
  AGENT_STATES,
  ATTEMPT_STATES,
  CONCLUSIONS,
  JOB_STATES,
  OUTCOMES,
  RUN_STATES,
  STEP_STATES,
  WAIT_CODES,
} from "@windrow/model";
import * as z from "zod";

export const runStateSchema = z.enum(RUN_STATES);
export const jobStateSchema = z.enum(JOB_STATES);
export const attemptStateSchema = z.enum(ATTEMPT_STATES);
export const stepStateSchema = z.enum(STEP_STATES);
export const agentStateSchema = z.enum(AGENT_STATES);
export const outcomeSchema = z.enum(OUTCOMES);
export const conclusionSchema = z.enum(CONCLUSIONS);
export const waitCodeSchema = z.enum(WAIT_CODES);
