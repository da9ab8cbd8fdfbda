import * as z from "zod";
import { cursorSchema } from "./fields.ts";

/** One page of a list; `next_cursor` is null on the last one. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: cursorSchema.nullable() });
}
