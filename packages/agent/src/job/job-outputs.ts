import { ExpressionFailure, evaluateTemplate } from "@windrow/workflow";
import type { OpenJob } from "./open-job.ts";

/** The documented limit of all outputs of a job together. */
export const JOB_OUTPUTS_BYTES_MAX = 1024 * 1024;

/** An output that cannot be evaluated, is too long or may hold a secret is left out, and the log says so. */
export function evaluateJobOutputs(job: OpenJob): { [name: string]: string } {
  const outputs: { [name: string]: string } = {};
  let leftBytes = JOB_OUTPUTS_BYTES_MAX;
  for (const [name, template] of job.plan.outputs) {
    const leaveOut = (why: string) => job.logs.say(`The job's output '${name}' is left out: ${why}`);
    try {
      const value = evaluateTemplate(template, job.scope.contexts(), job.scope.functions);
      leftBytes -= Buffer.byteLength(value);
      if (leftBytes < 0) leaveOut(`the outputs of a job may have ${JOB_OUTPUTS_BYTES_MAX} bytes together`);
      else if (job.logs.holdsSecret(value)) leaveOut("it may hold a secret");
      else outputs[name] = value;
    } catch (error) {
      if (!(error instanceof ExpressionFailure)) throw error;
      leaveOut(error.message);
    }
  }
  return outputs;
}
