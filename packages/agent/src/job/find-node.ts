import type { NodeRuntime } from "../actions/action-port.ts";
import type { OpenJob } from "./open-job.ts";

/** A Node for a JavaScript action where the job's steps run: in a container the agent's own, which is mounted there. */
export async function findNode({ actions, view }: OpenJob, using: string): Promise<NodeRuntime> {
  const runtime = await actions.nodeRuntime(using);
  if (runtime.kind === "problem" || view.nodePath === undefined) return runtime;
  if (!view.isMusl) return { ...runtime, path: view.nodePath };
  if (view.tools?.includes("node") === true) return { ...runtime, path: "node" };
  return {
    kind: "problem",
    why: "the image of the job's container is built on musl (Alpine), where the agent's Node does not run: JavaScript actions need an image that has 'node' itself, or one built on glibc",
  };
}
