import {
  ANNOTATION_LEVELS,
  ANNOTATION_MESSAGE_CHARS_MAX,
  ANNOTATIONS_PER_LEVEL_MAX,
  type Annotation,
} from "@windrow/model";
import type { Fields } from "./fields.ts";
import { present } from "./present.ts";
import type { Packed } from "./proto-message.ts";
import { packOptionalRowText, packRowText } from "./row-text.ts";

export const packAnnotation = (annotation: Annotation): Packed => ({
  ...annotation,
  message: packRowText(annotation.message),
  title: packOptionalRowText(annotation.title),
  file: packOptionalRowText(annotation.file),
});

/** Throws DecodeError when a step has more of one level than it may. */
export function unpackAnnotations(fields: Fields, name: string): Annotation[] {
  const annotations = fields.messages(name, unpackAnnotation);
  for (const level of ANNOTATION_LEVELS) {
    const count = annotations.filter((annotation) => annotation.level === level).length;
    if (count > ANNOTATIONS_PER_LEVEL_MAX) fields.fail(name, `has more than ${ANNOTATIONS_PER_LEVEL_MAX} of ${level}`);
  }
  return annotations;
}

function unpackAnnotation(fields: Fields): Annotation {
  return {
    level: fields.word("level", ANNOTATION_LEVELS),
    message: textWithin(fields, "message"),
    ...present(
      "title",
      fields.optional("title", () => textWithin(fields, "title")),
    ),
    ...present(
      "file",
      fields.optional("file", () => textWithin(fields, "file")),
    ),
    ...placeOf(fields, "line"),
    ...placeOf(fields, "endLine"),
    ...placeOf(fields, "column"),
    ...placeOf(fields, "endColumn"),
  };
}

const placeOf = (fields: Fields, name: "line" | "endLine" | "column" | "endColumn") =>
  present(
    name,
    fields.optional(name, () => fields.integer(name)),
  );

function textWithin(fields: Fields, name: string): string {
  const text = fields.rowText(name);
  if (text.length <= ANNOTATION_MESSAGE_CHARS_MAX) return text;
  return fields.fail(name, `is longer than ${ANNOTATION_MESSAGE_CHARS_MAX} characters`);
}
