import type { Difference } from "./summarize-corpus.ts";

const AT_START =
  "`strategy` may use github and vars, which are known when the run starts: only `needs` and inputs of a call make a matrix wait. " +
  "The manifest counts nothing where a matrix has any expression";

/** Where the plan and the manifest count differently, and the documented rule that the plan follows. */
export const EXPLAINED: readonly (Difference & { readonly rule: string; readonly sum: string })[] = [
  {
    file: "spring-projects__spring-boot__ci.yml",
    job: "ci",
    ours: 7,
    theirs: null,
    rule: `${AT_START}; an exclude needs to match in part only, also within a map`,
    sum: "2 systems x 4 versions - 1 (Linux with 25); the other exclude's name is false for this repository",
  },
  {
    file: "temporalio__sdk-typescript__release.yml",
    job: "test-npm-init",
    ours: 27,
    theirs: null,
    rule: `${AT_START}; a variable that is not set equals ''`,
    sum: "90 - 15 - 15 - 15 - 3 - 15 (cloud, as the variable is not set); every include extends rows that are there",
  },
];
