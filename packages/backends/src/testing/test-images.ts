import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type Docker from "dockerode";
import { withMachineLock } from "../machine-lock.ts";
import { IMAGE_RECIPES, type ImageRecipe } from "./image-recipes.ts";

/**
 * Images made of what this machine has, since nothing can be pulled in tests. `shell`: sh and the small programs, `agent`:
 * the same, but goes on until it is told to end, `busybox`: nothing but that, `tools`: bash, git, curl, Node, Python,
 * `postgres`: a Postgres server as its own user, with a health check.
 */
export type TestImage = keyof typeof TEST_IMAGES;

export const TEST_IMAGES = {
  shell: "windrow-test-shell:1",
  agent: "windrow-test-agent:1",
  busybox: "windrow-test-busybox:1",
  tools: "windrow-test-tools:1",
  postgres: "windrow-test-postgres:1",
} as const;

const run = promisify(execFile);
/** Archives of earlier runs that nobody used for so long are of another machine's state. */
const ARCHIVE_KEPT_MS = 7 * 24 * 3_600_000;

/** Why an image cannot be made here; undefined when it can. */
export function whyNoTestImage(image: TestImage): string | undefined {
  return IMAGE_RECIPES[image].whyNot();
}

/** Puts the image into the engine, from an archive that is made once per machine. */
export async function importTestImage(docker: Docker, image: TestImage): Promise<void> {
  const recipe = IMAGE_RECIPES[image];
  const archive = await keepArchive(image, recipe);
  const [repo = "", tag = ""] = TEST_IMAGES[image].split(":");
  // one word a change: an array is sent as several
  const stream = await docker.importImage(archive, { repo, tag, changes: [...recipe.changes] });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
  });
}

async function keepArchive(image: TestImage, recipe: ImageRecipe): Promise<string> {
  const dir = join(tmpdir(), `windrow-test-images-${process.getuid?.() ?? 0}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const archive = join(dir, `${image}-${keyOf(recipe)}.tar`);
  if (existsSync(archive)) return touched(archive);
  return withMachineLock(join(dir, `${image}.lock`), async () => {
    if (existsSync(archive)) return touched(archive);
    removeOld(dir);
    const work = join(dir, `${image}-${randomBytes(4).toString("hex")}.new`);
    const root = join(work, "root");
    mkdirSync(root, { recursive: true });
    try {
      await recipe.make(root);
      chmodSync(join(root, "tmp"), 0o1777);
      await run("tar", ["-C", root, "--numeric-owner", "-cf", `${work}/image.tar`, "."]);
      renameSync(`${work}/image.tar`, archive);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    return archive;
  });
}

/** Another program on the machine, or another recipe: another archive. */
function keyOf({ revision, sources }: ImageRecipe): string {
  const hash = createHash("sha256").update(String(revision));
  for (const file of sources()) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`\n${file} ${size} ${mtimeMs}`);
  }
  return hash.digest("hex").slice(0, 16);
}

function touched(archive: string): string {
  const now = new Date();
  utimesSync(archive, now, now);
  return archive;
}

function removeOld(dir: string): void {
  for (const name of readdirSync(dir)) {
    const file = join(dir, name);
    if (name.endsWith(".tar") && Date.now() - statSync(file).mtimeMs > ARCHIVE_KEPT_MS) rmSync(file, { force: true });
  }
}
