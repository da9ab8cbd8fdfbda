import {
  ANNOTATION_MESSAGE_CHARS_MAX,
  ANNOTATIONS_PER_LEVEL_MAX,
  type Annotation,
  type AnnotationLevel,
} from "@windrow/model";

/** Title and file of an annotation. */
const ANNOTATION_WORD_CHARS_MAX = 1_000;

/** The remarks of one step of the plan, whatever process made them; more than the documented number are left out. */
export interface AnnotationList {
  add(annotation: Annotation): void;
  readonly all: readonly Annotation[];
}

/** `redact` takes secrets out of a text for people. */
export function createAnnotationList(redact: (text: string) => string): AnnotationList {
  const all: Annotation[] = [];
  const counts = new Map<AnnotationLevel, number>();
  return {
    all,
    add(annotation) {
      const count = counts.get(annotation.level) ?? 0;
      if (count >= ANNOTATIONS_PER_LEVEL_MAX) return;
      counts.set(annotation.level, count + 1);
      const { message, title, file, ...rest } = annotation;
      all.push({
        ...rest,
        message: redact(message).slice(0, ANNOTATION_MESSAGE_CHARS_MAX),
        ...(title !== undefined && { title: redact(title).slice(0, ANNOTATION_WORD_CHARS_MAX) }),
        ...(file !== undefined && { file: redact(file).slice(0, ANNOTATION_WORD_CHARS_MAX) }),
      });
    },
  };
}
