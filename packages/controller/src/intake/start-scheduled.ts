import type { Logger } from "@windrow/service";
import {
  forgetScheduleTicks,
  hasScheduleTick,
  isDatabaseAway,
  listScheduledRepositories,
  type RepositoryRow,
  type RepositorySchedule,
  takeScheduleTick,
} from "@windrow/store";
import { type CronMoment, matchesCron, parseCron } from "@windrow/workflow";
import { isFolder, repositoryFolder } from "../git/repository-folder.ts";
import type { BuildPushDeps } from "./build-push.ts";
import { payloadDocument } from "./event-document.ts";
import { prepareRuns } from "./prepare-runs.ts";
import { readWorkflowFiles } from "./read-workflow-files.ts";
import { startRuns } from "./start-runs.ts";

const MINUTE_MS = 60_000;
const TICKS_KEPT_MS = 24 * 3_600_000;

/**
 * One pass of the schedules: starts what is due in the present minute, each workflow once, however many controllers look
 * and however often. Minutes in which nobody looked are not made up for.
 */
export async function startScheduled(deps: BuildPushDeps & { readonly logger: Logger }): Promise<void> {
  const tickAt = new Date(Math.floor(deps.clock.nowMs() / MINUTE_MS) * MINUTE_MS);
  for (const repository of await listScheduledRepositories(deps.db)) {
    for (const schedule of dueOf(repository.schedules ?? [], tickAt)) {
      try {
        await startOne(deps, { repository, schedule, tickAt });
      } catch (error) {
        if (isDatabaseAway(error)) throw error;
        const about = { err: error, repository: repository.id, workflow: schedule.path };
        deps.logger.error(about, "a scheduled workflow could not be started");
      }
    }
  }
  await forgetScheduleTicks(deps.db, new Date(tickAt.getTime() - TICKS_KEPT_MS));
}

/** At most one of each workflow: the first of its schedules that fits. */
function dueOf(schedules: readonly RepositorySchedule[], at: Date): RepositorySchedule[] {
  const due = new Map<string, RepositorySchedule>();
  for (const schedule of schedules) {
    const cron = parseCron(schedule.cron);
    if (typeof cron === "string" || due.has(schedule.path)) continue;
    if (matchesCron(cron, momentAt(at, schedule.timezone))) due.set(schedule.path, schedule);
  }
  return [...due.values()];
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

function momentAt(at: Date, timeZone = "UTC"): CronMoment {
  const parts = new Map(
    new Intl.DateTimeFormat("en-US", {
      timeZone,
      minute: "numeric",
      hour: "numeric",
      day: "numeric",
      month: "numeric",
      weekday: "short",
      hourCycle: "h23",
    })
      .formatToParts(at)
      .map((part) => [part.type, part.value]),
  );
  const number = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
  return {
    minute: number("minute"),
    hour: number("hour"),
    dayOfMonth: number("day"),
    month: number("month"),
    dayOfWeek: WEEKDAYS.indexOf(parts.get("weekday") ?? ""),
  };
}

async function startOne(
  deps: BuildPushDeps,
  due: { readonly repository: RepositoryRow; readonly schedule: RepositorySchedule; readonly tickAt: Date },
): Promise<void> {
  const { repository, schedule, tickAt } = due;
  const tick = { repositoryId: repository.id, workflowPath: schedule.path, tickAt };
  const folder = repositoryFolder(deps.environment.gitDir, repository);
  if ((await hasScheduleTick(deps.db, tick)) || !(await isFolder(folder))) return;
  const ref = `refs/heads/${repository.default_branch}`;
  const content = await readWorkflowFiles(deps.reader, folder, ref);
  if (content === undefined) return;
  const publicUrl = deps.publicUrl();
  const actor = repository.created_by;
  const source = { repository, publicUrl, actor, commit: content.commit, ref };
  const document = payloadDocument(source, { schedule: schedule.cron });
  const { runs } = await prepareRuns(
    {
      event: { event: "schedule", schedule: schedule.cron },
      repository,
      publicUrl,
      content,
      folder,
      scope: "branch",
      ref,
      beforeSha: null,
      actor,
      pushId: null,
      notesBroken: true,
      chosen: { workflow: schedule.path, always: false },
      document: () => document,
    },
    deps,
  );
  await startRuns(deps, { pushId: null, runs, reason: null, claim: (tx) => takeScheduleTick(tx, tick) });
}
