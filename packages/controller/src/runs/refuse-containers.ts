import {
  CONTAINER_ALLOWANCES_DEFAULT,
  type ContainerDefinition,
  type Diagnostic,
  effectiveJobPolicy,
  findCapacity,
  type JobDefinition,
  type JobPolicy,
  type Position,
  type Trust,
  type WorkflowDefinition,
} from "@windrow/model";
import { readFleet, readPoolPolicies, type Tx } from "@windrow/store";
import { CONTAINER_LABEL, findContainerRefusals, type JobRunAnswer } from "@windrow/workflow";

/** What a job asks for its containers that no pool which could run it allows; undefined when it may be queued. */
export type RefuseContainers = (of: {
  readonly job: JobDefinition;
  readonly answer: JobRunAnswer;
  readonly file: string;
}) => Diagnostic | undefined;

interface Pool {
  readonly name: string;
  readonly policy: JobPolicy;
}

/**
 * Pools are read only for a workflow whose containers ask for anything at all that has to be allowed, or when some pool
 * allows no containers: every other run pays nothing.
 */
export async function readContainerRules(
  tx: Tx,
  { definition, trust }: { readonly definition: WorkflowDefinition; readonly trust: Trust },
): Promise<RefuseContainers> {
  const files = [definition, ...calledDefinitions(definition)];
  if (!files.some(({ jobs }) => jobs.some((job) => containersOf(job).length > 0))) return () => undefined;
  const rows = await readPoolPolicies(tx);
  const pools = rows.map((row): Pool => ({ name: row.name, policy: effectiveJobPolicy(row.jobSettings, row) }));
  const areAllOpen = pools.every(({ policy }) => policy.containersAllowed);
  const asksForMore = files.some(({ jobs }) => jobs.some((job) => findRefusal(job, CONTAINER_ALLOWANCES_DEFAULT)));
  if (areAllOpen && !asksForMore) return () => undefined;
  const fleet = await readFleet(tx);

  return ({ job, answer, file }) => {
    const possible = choosePools(answer);
    if (containersOf(job).length === 0 || possible.length === 0) return undefined;
    const found = possible.map(({ policy }) => refusalOf(job, answer, policy));
    const [first] = found;
    if (first === undefined || found.some((one) => one === undefined)) return undefined;
    const names = possible.map(({ name }) => name).join(", ");
    const { line, column } = first.position ?? job.position;
    return {
      ...{ severity: "error", code: "container-refused", file, line, column },
      message: `the container of job '${job.key}' is refused: ${first.message}`,
      hint: `leave it out; or let an admin allow it in the pool that is to run it: windrow pool set ${possible[0]?.name ?? "POOL"} --container-allow … (it could run in: ${names})`,
    };
  };

  function choosePools({ labels, pool }: JobRunAnswer): readonly Pool[] {
    const wanted = labels.map((label) => label.toLowerCase());
    const { groups, scaled } = findCapacity({ labels: wanted, trust }, fleet);
    const able = new Set([...groups.map((one) => one.pool.name), ...scaled.map(({ name }) => name)]);
    // where nobody can run it now, whoever comes may be of any pool
    const open = able.size === 0 ? pools : pools.filter(({ name }) => able.has(name));
    return pool === undefined ? open : pools.filter(({ name }) => name === pool.toLowerCase());
  }
}

interface Refusal {
  readonly message: string;
  readonly position: Position | undefined;
}

function refusalOf(job: JobDefinition, answer: JobRunAnswer, policy: JobPolicy): Refusal | undefined {
  if (!policy.containersAllowed && answer.labels.includes(CONTAINER_LABEL)) {
    const position = job.container?.imagePosition ?? job.services[0]?.imagePosition;
    return { message: "the pool runs no jobs with containers", position };
  }
  return findRefusal(job, policy.containers);
}

function findRefusal(job: JobDefinition, allowances: JobPolicy["containers"]): Refusal | undefined {
  return containersOf(job).flatMap((container) => findContainerRefusals(container, allowances))[0];
}

/** One whose image is empty is none, whatever else it says. */
function containersOf(job: JobDefinition): ContainerDefinition[] {
  const all = [...(job.container === undefined ? [] : [job.container]), ...job.services];
  return all.filter(({ image }) => image !== "");
}

function calledDefinitions({ called }: WorkflowDefinition): WorkflowDefinition[] {
  return Object.values(called ?? {}).flatMap((one) => [one.definition, ...calledDefinitions(one.definition)]);
}
