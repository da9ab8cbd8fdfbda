/** A workflow file larger than this is refused before it is read. */
export const FILE_BYTES_MAX = 512 * 1024;
/** Jobs of one file after matrix expansion. */
export const JOBS_MAX = 2_000;
/** Combinations of one matrix, as documented. */
export const MATRIX_COMBINATIONS_MAX = 256;
/** Combinations looked at before `exclude`; nobody writes that many to keep 256. */
export const MATRIX_CANDIDATES_MAX = 10_000;
/** Variables of one matrix. */
export const MATRIX_VARIABLES_MAX = 100;
/** Entries of `include`, and of `exclude`. */
export const MATRIX_ENTRIES_MAX = 1_000;
/** Characters of all outputs of a called workflow together, as documented for a job. */
export const CALL_OUTPUTS_CHARS_MAX = 1024 * 1024;
/** Steps of one job. */
export const STEPS_MAX = 1_000;
/** Characters of a text with expressions, as documented. */
export const EXPRESSION_CHARS_MAX = 21_000;
/** Maps and lists inside each other; a legal file needs about a dozen. */
export const DEPTH_MAX = 64;
/** Values of one file once its aliases are expanded: an alias bomb ends here. */
export const NODES_MAX = 100_000;
/** Complaints reported for one file; the rest is counted. */
export const DIAGNOSTICS_MAX = 100;
/** Complaints of one severity kept while a file is read. */
export const DIAGNOSTICS_KEPT_MAX = 5_000;
/** Characters of a complaint; longer ones quote too much of the file and are cut. */
export const DIAGNOSTIC_CHARS_MAX = 500;
/** Five days, the documented limit for jobs on one's own machines. */
export const JOB_TIMEOUT_MINUTES_MAX = 5 * 24 * 60;
/** Compiled expressions kept for reuse. */
export const COMPILED_EXPRESSIONS_MAX = 4_000;
/** Their characters together: a tree takes many times what its text does, and texts come from strangers. */
export const COMPILED_CHARS_MAX = 512 * 1024;
/** What one expression, or one text with expressions, may come to. */
export const EXPRESSION_RESULT_CHARS_MAX = 10 * 1024 * 1024;
/** What one evaluation may look at: the largest result three times. A second of a controller's time, at the worst. */
export const EXPRESSION_WORK_MAX = 3 * EXPRESSION_RESULT_CHARS_MAX;
/** Lists and maps inside each other in a value of an expression. */
export const VALUE_DEPTH_MAX = 100;
/** Documents of events kept parsed; every job of a run reads the same one. */
export const EVENTS_KEPT_MAX = 16;
/** Inputs of one workflow, as documented. */
export const INPUTS_MAX = 25;
/** Characters of all inputs of a dispatch together, as documented. */
export const DISPATCH_INPUTS_CHARS_MAX = 65_535;
/** A concurrency group's name. */
export const CONCURRENCY_GROUP_CHARS_MAX = 400;
/** A run's title; a longer one is shortened. */
export const RUN_TITLE_CHARS_MAX = 200;
/** Workflows that call each other, the run's own counted, as documented. */
export const CALL_LEVELS_MAX = 10;
/** One pattern of a filter. */
export const PATTERN_CHARS_MAX = 1_024;
/** Patterns of one filter, and their characters together. */
export const PATTERNS_MAX = 1_000;
export const FILTER_CHARS_MAX = 32 * 1024;
/** Pieces of patterns times places in texts that one filter is compared for: half a second at most. */
export const PATTERN_WORK_MAX = 20_000_000;
/** Labels one job may ask for. */
export const LABELS_MAX = 50;
/** Characters of a job's display name; a longer one is shortened. */
export const JOB_NAME_CHARS_MAX = 256;
/** A parse that takes longer is ended, and the file refused. */
export const PARSE_TIMEOUT_MS = 1_000;
/** How much longer a parse may take by the clock than of its thread's own time, on a machine that has much to do. */
export const PARSE_WALL_FACTOR_MAX = 20;
/** Heap of the parse worker. */
export const PARSE_HEAP_MIB_MAX = 64;
/** Files waiting for the parse worker. */
export const PARSE_QUEUE_MAX = 1_000;
