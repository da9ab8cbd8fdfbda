const KEYS = [
  ..."name run-name on env defaults jobs permissions concurrency".split(" "),
  ..."needs if strategy runs-on timeout-minutes continue-on-error outputs steps".split(" "),
  ..."container services environment uses with secrets".split(" "),
  ..."id run shell working-directory matrix fail-fast max-parallel include exclude".split(" "),
  ..."background wait wait-all cancel parallel snapshot group queue cancel-in-progress labels".split(" "),
  ..."image options ports volumes credentials username password entrypoint command url inherit".split(" "),
  ..."push pull_request pull_request_target workflow_dispatch workflow_call workflow_run schedule".split(" "),
  ..."repository_dispatch merge_group release issues issue_comment cron timezone workflows inputs".split(" "),
  ..."description required default type value contents packages id-token pull-requests statuses".split(" "),
  ..."using main pre post pre-if post-if pre-entrypoint post-entrypoint args deprecationMessage".split(" "),
  ..."branches branches-ignore tags tags-ignore paths paths-ignore types".split(" "),
  // of the settings file; of two keys equally near the first is meant
  ..."version language reuse tests reports deploy repository workflow branch".split(" "),
];
const DISTANCE_MAX = 2;

/** The known key nearest to a misspelt one, if any is near enough. */
export function suggestKey(unknown: string): string | undefined {
  const written = unknown.toLowerCase().replaceAll("_", "-").slice(0, 40);
  let best: { key: string; distance: number } | undefined;
  for (const key of KEYS) {
    const distance = editDistance(written, key.replaceAll("_", "-"));
    const near = distance <= Math.min(DISTANCE_MAX, Math.floor(key.length / 2));
    if (near && key !== unknown && (best === undefined || distance < best.distance)) best = { key, distance };
  }
  return best?.key;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
