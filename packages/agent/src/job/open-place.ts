import { isBackendFault, type JobHandle } from "@windrow/backends";
import type { JobNetwork } from "../network/job-network.ts";
import { type AskedContainer, type AskedContainers, evaluateContainers } from "./job-containers.ts";
import { type ContainersRequest, type JobEngine, whatContainersLack } from "./job-engine.ts";
import { openSandboxNetwork } from "./job-network.ts";
import type { RunJobOptions } from "./job-options.ts";
import { placeJobContainer, viewJobContainer, viewMachine } from "./job-view.ts";
import type { OpenJob } from "./open-job.ts";
import { openSteps } from "./open-steps.ts";

export interface PlaceOptions {
  readonly options: RunJobOptions;
  readonly handle: JobHandle;
  readonly stop: OpenJob["stop"];
  readonly engine: JobEngine;
  readonly hasOwnNetwork: boolean;
}

export interface Place {
  readonly job: OpenJob;
  /** Of the steps that run on the machine, where it is the job's own. */
  readonly network: JobNetwork | undefined;
}

/** The job is wrong, or may not have what it asks for: it fails, with this sentence. */
export class JobRefused extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "JobRefused";
    this.code = code;
  }
}

/**
 * Opens where the steps of a job run: its services and container if it asks for any, its networks. Throws
 * `ExpressionFailure`, `JobRefused`, a `BackendFault` when the world broke, and the reason of the stop when the job is
 * stopped meanwhile.
 */
export async function openPlace(place: PlaceOptions): Promise<Place> {
  const { options, handle, stop, engine } = place;
  const { machine, files, logs, attempt } = options;
  const { machineEnv, hasBash } = machine;
  const onMachine = { files, machineEnv, hasBash };
  const bare = openSteps(options, { handle, stop, engine, files, view: viewMachine({ ...onMachine, networkEnv: {} }) });
  const asked = evaluateContainers(bare);
  const signal = AbortSignal.any([stop.stopped, attempt.over]);
  const hasAny = asked.container !== undefined || asked.services.length > 0;
  if (hasAny) {
    const lack = whatContainersLack(options);
    if (lack !== undefined) throw new JobRefused("containers_unsupported", `The job asks for ${name(asked)}: ${lack}`);
    if (asked.container !== undefined) files.makeShared();
    const spec = asked.container && toSpec(place, asked.container);
    const services = asked.services.map(({ name, ...service }) => ({ name, ...EMPTY, ...service }));
    await openContainers(engine, { container: spec, services }, { say: sayLines(logs), signal });
  }
  const network = place.hasOwnNetwork
    ? await openSandboxNetwork(options, handle, { ports: publishedPorts(engine), signal })
    : undefined;
  const facts = engine.opened?.containers.container?.facts;
  if (facts === undefined || asked.container === undefined) {
    const view = viewMachine({ ...onMachine, networkEnv: network?.env ?? {} });
    return { job: openSteps(options, { handle, stop, engine, files, view }), network };
  }
  files.giveTo(facts);
  const view = viewJobContainer({
    ...placesOf(options),
    facts,
    env: asked.container.env,
    networkEnv: engine.opened?.networkEnv ?? {},
  });
  logs.say(`Steps run in a container of ${asked.container.image}`);
  return { job: openSteps(options, { handle, stop, engine, files: files.ownedBy(facts), view }), network };
}

/** The first of what a job asks for. */
function name({ container, services: [service] }: AskedContainers): string {
  if (container !== undefined) return `a container of the image '${container.image}'`;
  return `the service '${service?.name ?? ""}' of the image '${service?.image ?? ""}'`;
}

const EMPTY = { mounts: [] };

const placesOf = ({ files, plan, machine, mirror }: RunJobOptions) => ({
  files,
  repository: plan.repository,
  actionsDir: machine.actionsDir,
  toolDirs: mirror?.dir === undefined ? machine.toolDirs : [...machine.toolDirs, mirror.dir],
});

function toSpec({ options }: PlaceOptions, container: AskedContainer): NonNullable<ContainersRequest["container"]> {
  return { ...container, mounts: placeJobContainer(placesOf(options)) };
}

/** What the workflow asks wrongly, or what it asks for does not work: running it again changes nothing. */
const REFUSALS: ReadonlySet<string> = new Set(["container_refused", "image_missing", "service_failed"]);

async function openContainers(
  engine: JobEngine,
  request: ContainersRequest,
  progress: Parameters<JobEngine["open"]>[1],
): Promise<void> {
  try {
    await engine.open(request, progress);
  } catch (error) {
    if (!isBackendFault(error) || !REFUSALS.has(error.code)) throw error;
    throw new JobRefused(error.code, `The job cannot be run: ${error.message}`, { cause: error });
  }
}

const sayLines = (logs: RunJobOptions["logs"]) => (text: string) => {
  for (const line of text.split("\n")) logs.say(line);
};

function publishedPorts({ opened }: JobEngine): number[] {
  const services = [...(opened?.containers.services.values() ?? [])];
  return services.flatMap(({ ports }) => Object.values(ports).map(Number));
}
