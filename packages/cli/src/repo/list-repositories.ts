import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatAge } from "../output/duration.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { formatTable } from "../output/table.ts";

/** `windrow repo list` */
export async function listRepositories(context: CommandContext, options: FarmOptions): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("listRepositories", {});
  if (options.json) return printJson(terminal, json);
  if (answer.items.length === 0) {
    say(terminal, "No repository yet. Push to a name and it is made:");
    say(terminal, `  git push ${farm.api.url}/git/OWNER/NAME.git main`);
    return;
  }
  const rows = answer.items.map((repository) => [
    repository.full_name,
    repository.default_branch,
    repository.language ?? "-",
    repository.jobs_max === null ? "-" : String(repository.jobs_max),
    String(repository.weight),
    formatAge(Date.parse(repository.created_at), context.clock.nowMs()),
    repository.clone_url,
  ]);
  const columns = [
    { title: "REPOSITORY" },
    { title: "DEFAULT BRANCH" },
    { title: "LANGUAGE" },
    { title: "JOBS MAX", align: "right" },
    { title: "WEIGHT", align: "right" },
    { title: "CREATED" },
    { title: "ADDRESS" },
  ] as const;
  await printLines(terminal, formatTable(columns, rows, { styleTitle: (title) => terminal.outStyle("dim", title) }));
}
