import { type ContainerOptions, readContainerOptions } from "@windrow/model";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import { prepareDoor } from "../door/container-door.ts";
import { noteContainer, startGuard } from "../door/guard.ts";
import type { ContainerSpec, EngineProgress, JobContainersRequest, ServiceSpec } from "./container-engine.ts";
import { createContainer, startContainer } from "./create-container.ts";
import { describeContainer } from "./describe-container.ts";
import { explainEngine } from "./engine-connection.ts";
import type { EngineParts } from "./engine-parts.ts";
import type { PortForward } from "./forward-ports.ts";
import { startHolder } from "./holder.ts";
import { createJobNetwork, NEIGHBOURS_MAX } from "./job-subnet.ts";
import { labelsOf, nameOf, type Owner } from "./labels.ts";
import { type PublishedPort, readPorts } from "./read-ports.ts";
import { resolveVolumes } from "./resolve-volumes.ts";
import { waitHealthy } from "./wait-healthy.ts";

interface ReadSpec {
  readonly spec: ContainerSpec;
  readonly options: ContainerOptions;
  readonly mounts: readonly Docker.MountSettings[];
}

const SERVICE_NAME = /^[A-Za-z0-9][\w.-]{0,62}$/;

/**
 * Everything that a job's containers need, in order: what the workflow asks is read before anything is made, then images,
 * network, services, and the job's own container. Answers which ports the engine
 * cannot publish. Throws as `ContainerEngine.open` does; what was made is the caller's to end.
 */
export async function openJob(
  parts: EngineParts,
  request: JobContainersRequest,
  progress: EngineProgress,
): Promise<readonly PortForward[]> {
  const { quick: docker, agentId } = parts;
  const { site, services, container } = request;
  const { signal } = progress;
  const owner: Owner = { agentId, attemptId: site.attemptId };
  if (services.length > NEIGHBOURS_MAX) {
    throw new BackendFault("container_refused", `a job has at most ${NEIGHBOURS_MAX} services, not ${services.length}`);
  }
  const wrong = services.find(({ name }) => !SERVICE_NAME.test(name));
  if (wrong !== undefined) throw new BackendFault("container_refused", `"${wrong.name}" is no name of a service`);
  const job = container && read(owner, request, container);
  const read_ = services.map((service) => ({ name: service.name, service, ...read(owner, request, service) }));
  const images = await pullAll(parts, owner, [...read_, ...(job === undefined ? [] : [job])], progress);
  const imageOf = (spec: ContainerSpec) => images.get(spec) ?? "";

  startGuard(site);
  const network = nameOf(owner);
  const what = `the network of attempt ${site.attemptId} could not be made`;
  await explained(what, signal, async () => {
    const made = { Name: network, CheckDuplicate: true, Driver: "bridge", Internal: !request.hasOutside };
    await createJobNetwork(docker, { ...made, Labels: labelsOf(owner) }, { subnet: parts.subnet, signal });
    const holder = await startHolder({ docker, owner, network, options: job?.options, signal });
    await note(request, holder);
  });
  // a job on the machine's own network finds services where steps on the machine do
  const isPublished = container === undefined || job?.options.hostNamespaces.includes("network") === true;
  const starting = read_.map(async ({ name, service, spec, options, mounts }) => {
    progress.say(`Starting the service ${name} (${service.image})`);
    await explained(`the service ${name} could not be started`, signal, async () => {
      const made = await createContainer({
        docker,
        name: nameOf(owner, "service", name),
        platform: options.platform,
        signal,
        body: describeContainer({
          owner,
          role: "service",
          name,
          image: imageOf(spec),
          spec,
          options,
          mounts,
          limits: request.limits,
          network: options.hostNamespaces.includes("network") ? "host" : network,
          aliases: [name],
          ports: isPublished && request.hasOutside ? portsOf({ spec, options }) : [],
        }),
      });
      await startContainer(made, signal);
      await note(request, made);
      await waitHealthy(made, name, progress);
    });
  });
  await allOrFirst(starting);
  const forwards = isPublished && !request.hasOutside ? read_.flatMap(forwardsOf) : [];
  if (job === undefined) return forwards;
  await explained("the job's container could not be started", signal, () =>
    startJobContainer(parts, { owner, request, job, image: imageOf(job.spec), network, signal }),
  );
  return forwards;
}

function portsOf({ spec, options }: Pick<ReadSpec, "spec" | "options">): PublishedPort[] {
  return readPorts([...spec.ports, ...options.ports]);
}

function forwardsOf({ name, spec, options }: ReadSpec & { readonly name: string }): PortForward[] {
  return portsOf({ spec, options }).flatMap(({ inside, outside }) => {
    const [port = "", protocol] = inside.split("/");
    return protocol === "tcp" ? [{ service: name, inside: port, outside }] : [];
  });
}

async function startJobContainer(
  { quick: docker }: EngineParts,
  options: {
    readonly owner: Owner;
    readonly request: JobContainersRequest;
    readonly job: ReadSpec;
    readonly image: string;
    readonly network: string;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { owner, request, job, image, signal } = options;
  const door = await prepareDoor(request.site, { isNew: true });
  const doorMounts = door.mounts.map(({ source, target, isReadOnly }) => ({
    Type: "bind" as const,
    Source: source,
    Target: target,
    ReadOnly: isReadOnly === true,
  }));
  const container = await createContainer({
    docker,
    name: nameOf(owner, "job"),
    platform: job.options.platform,
    signal,
    body: describeContainer({
      owner,
      role: "job",
      name: "",
      image,
      spec: { env: job.spec.env, entrypoint: door.entrypoint, command: [], cwd: "/" },
      // what watches a server is not for the job's own container
      options: { ...job.options, health: "none" },
      mounts: [...job.mounts, ...doorMounts],
      limits: request.limits,
      network: job.options.hostNamespaces.includes("network") ? "host" : `container:${nameOf(owner, "holder")}`,
    }),
  });
  await startContainer(container, signal);
  const pid = await note(request, container);
  if (pid === 0) throw new BackendFault("container_gone", "the job's container ended as soon as it was started");
  await door.greet(signal, pid);
}

/** What a workflow says of a container, as far as it can be judged before anything was made. */
function read(owner: Owner, request: JobContainersRequest, spec: ContainerSpec | ServiceSpec): ReadSpec {
  const { site, allowances } = request;
  const found = readContainerOptions(spec.options, allowances);
  const who = "name" in spec ? `the service ${spec.name}` : "the job's container";
  if ("problem" in found) throw new BackendFault("container_refused", `${who}: ${found.problem}`);
  const { options } = found;
  portsOf({ spec, options });
  const volumes = [...spec.volumes, ...options.volumes];
  return { spec, options, mounts: resolveVolumes({ owner, site, allowances, mounts: spec.mounts, volumes }) };
}

async function pullAll(
  { puller, wanted }: EngineParts,
  owner: Owner,
  specs: readonly ReadSpec[],
  progress: EngineProgress,
): Promise<ReadonlyMap<ContainerSpec, string>> {
  const images = new Map<ContainerSpec, string>();
  // one after the other: two services of one image pull it once, and the log can be read
  for (const { spec, options } of specs) {
    const { image, credentials } = spec;
    const { id } = await puller.pull({ image, credentials, platform: options.platform }, progress);
    wanted.add(owner.attemptId, id);
    images.set(spec, id);
  }
  return images;
}

/** Written down for the guard; the number of its first process on this machine, 0 when it has ended. */
async function note({ site }: JobContainersRequest, container: Docker.Container): Promise<number> {
  const { Id: id, State: state } = await container.inspect();
  if (state.Pid > 0) noteContainer(site, { id, pid: state.Pid });
  return state.Pid;
}

async function explained<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainEngine(what, error, signal);
  }
}

/** Throws the first failure, when all have come to their end: nothing is started behind the back of who cleans up. */
async function allOrFirst(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
