import { existsSync } from "node:fs";
import { Readable } from "node:stream";
import type { ContainerOptions } from "@windrow/model";
import type Docker from "dockerode";
import { createContainer } from "./create-container.ts";
import { ifThere } from "./engine-connection.ts";
import { followProgress } from "./follow-progress.ts";
import { OWN_IMAGES } from "./image-name.ts";
import { LABEL_NAME, LABEL_ROLE, labelsOf, nameOf, type Owner } from "./labels.ts";

export interface HolderRequest {
  readonly docker: Docker;
  readonly owner: Owner;
  readonly network: string;
  /** What the job's own container asks of a network, which is the holder's. */
  readonly options?: Pick<ContainerOptions, "hostname" | "domainname" | "extraHosts" | "dns" | "aliases"> | undefined;
  readonly signal: AbortSignal;
}

const IMAGE = `${OWN_IMAGES}holder:1`;
/** An archive with nothing in it. */
const EMPTY_ARCHIVE = Buffer.alloc(10_240);
const PROGRAM_FOLDERS = ["/usr", "/bin", "/lib", "/lib64"];
/** The agent's gateway, which is put on the network's loopback: not every program knows that names below localhost are it. */
const GATEWAY_HOST = "windrow.localhost:127.0.0.1";
const NOBODY = "65534:65534";
const MEMORY_BYTES = 32 << 20;
const PROCESSES_MAX = 8;

/**
 * Starts the container that has the job's network as long as the job goes on: what else the job runs on that network may come
 * and go. It runs this machine's own `sleep`, so that nothing has to be pulled for it.
 */
export async function startHolder({
  docker,
  owner,
  network,
  options,
  signal,
}: HolderRequest): Promise<Docker.Container> {
  await keepImage(docker);
  const { hostname, domainname, extraHosts = [], dns = [], aliases = [] } = options ?? {};
  const container = await createContainer({
    docker,
    name: nameOf(owner, "holder"),
    signal,
    body: {
      Image: IMAGE,
      Entrypoint: ["/bin/sleep", "infinity"],
      User: NOBODY,
      Labels: { ...labelsOf(owner), [LABEL_ROLE]: "holder", [LABEL_NAME]: "" },
      ...(hostname !== undefined && { Hostname: hostname }),
      ...(domainname !== undefined && { Domainname: domainname }),
      HostConfig: {
        NetworkMode: network,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        ReadonlyRootfs: true,
        PidsLimit: PROCESSES_MAX,
        Memory: MEMORY_BYTES,
        MemorySwap: MEMORY_BYTES,
        LogConfig: { Type: "none", Config: {} },
        RestartPolicy: { Name: "no" },
        Mounts: PROGRAM_FOLDERS.filter((folder) => existsSync(folder)).map((folder) => ({
          Type: "bind",
          Source: folder,
          Target: folder,
          ReadOnly: true,
        })),
        ExtraHosts: [GATEWAY_HOST, ...extraHosts.map((one) => one.replace("=", ":"))],
        ...(dns.length > 0 && { Dns: [...dns] }),
      },
      NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [...aliases] } } },
    },
  });
  await container.start({ abortSignal: signal });
  return container;
}

async function keepImage(docker: Docker): Promise<void> {
  if ((await ifThere(() => docker.getImage(IMAGE).inspect())) !== undefined) return;
  const [repo = "", tag = ""] = IMAGE.split(":");
  await followProgress(await docker.importImage(Readable.from([EMPTY_ARCHIVE]), { repo, tag }), () => undefined);
}
