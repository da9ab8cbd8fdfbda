import * as z from "zod";

/** An instant as ISO 8601 text in UTC. */
export const timeSchema = z.string().meta({ format: "date-time" });
export const timeOrNullSchema = timeSchema.nullable();

/** A run's or job's id: a 53-bit integer. */
export const idSchema = z.int().min(1);
/** The same in a path or query, where everything is text. */
export const idTextSchema = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Repository and owner names: what is a folder name everywhere and needs no quoting anywhere. */
export const NAME_PATTERN = /^(?![.-])(?!.*\.\.)(?!.*\.git$)[A-Za-z0-9._-]{1,100}$/;
export const nameSchema = z.string().regex(NAME_PATTERN, {
  error: "1 to 100 of A-Z a-z 0-9 . _ -, not starting with . or -, without .. and not ending in .git",
});
/** `owner/name`. */
export const fullNameSchema = z.string().regex(/^[A-Za-z0-9._-]{1,100}\/[A-Za-z0-9._-]{1,100}$/, {
  error: "a repository is named owner/name",
});

export const LIST_LIMIT_DEFAULT = 50;
export const LIST_LIMIT_MAX = 200;
export const limitSchema = z.coerce.number().int().min(1).max(LIST_LIMIT_MAX).default(LIST_LIMIT_DEFAULT);
/** Opaque; taken from `next_cursor` of the page before. */
export const cursorSchema = z.string().max(200);

/** A reason that people give; shown wherever its effect is. */
export const reasonSchema = z.string().max(500);

/** `true` or `false` in a query. */
export const flagSchema = z.enum(["true", "false"]).transform((text) => text === "true");
