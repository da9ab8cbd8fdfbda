/** Where messages of one type are read from; may stand for many subjects (`*`). */
export interface SubjectPattern<T> {
  readonly name: string;
  readonly decode: (bytes: Uint8Array) => T;
}

/** Where messages of one type are published. */
export interface Subject<T> extends SubjectPattern<T> {
  readonly encode: (message: T) => Uint8Array;
}

/** A subject whose messages are answered. */
export interface RequestSubject<Q, A> extends Subject<Q> {
  readonly encodeAnswer: (answer: A) => Uint8Array;
  readonly decodeAnswer: (bytes: Uint8Array) => A;
}

/**
 * Any text as one token of a subject: letters, digits, `-` and `_` stay, every other byte becomes `=` and two hex
 * digits, so that no name can reach into another subject.
 */
export function subjectToken(text: string): string {
  if (text === "") throw new RangeError("a subject token must not be empty");
  let token = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const char = String.fromCharCode(byte);
    token += /[A-Za-z0-9_-]/.test(char) ? char : `=${byte.toString(16).padStart(2, "0")}`;
  }
  return token;
}
