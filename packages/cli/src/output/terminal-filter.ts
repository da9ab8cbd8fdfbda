const ESCAPE = "\u001b";
const COLOUR_PARAMETERS_MAX = 64;
const RESET = "\u001b[0m";

/** Characters that turn the direction of text, so that a line reads otherwise than it is. */
const DIRECTION_CHANGES = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

type Mode = "text" | "escape" | "intermediate" | "control" | "string" | "string-escape";

/** Makes the output of a job safe to show on a person's terminal. */
export interface TerminalFilter {
  /** Pieces may be cut anywhere, even within an escape sequence. Line ends come out as `\n` alone. */
  push(text: string): string;
}

/**
 * Lets text, tabs, line ends and colours (SGR) through and drops every other control sequence: a build log must not move
 * the cursor, rename the window, write the clipboard or answer for the person. A carriage return within a line starts a
 * new line, as progress bars would otherwise hide what stood there. Colours end with their line.
 */
export function createTerminalFilter(): TerminalFilter {
  let mode: Mode = "text";
  let parameters = "";
  let isColoured = false;
  let hasPendingReturn = false;

  const endLine = () => {
    const end = isColoured ? `${RESET}\n` : "\n";
    isColoured = false;
    return end;
  };

  const pushText = (character: string): string => {
    if (hasPendingReturn) {
      if (character === "\r") return "";
      hasPendingReturn = false;
      if (character !== "\n") return endLine() + pushText(character);
    }
    if (character === "\n") return endLine();
    if (character === "\r") {
      hasPendingReturn = true;
      return "";
    }
    if (character === "\t") return character;
    if (character === ESCAPE) {
      mode = "escape";
      return "";
    }
    const code = character.codePointAt(0) ?? 0;
    if (code === 0x9b) {
      mode = "control";
      parameters = "";
      return "";
    }
    if (code === 0x90 || code === 0x98 || (code >= 0x9d && code <= 0x9f)) {
      mode = "string";
      return "";
    }
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    return isControl || DIRECTION_CHANGES.test(character) ? "" : character;
  };

  const pushControl = (character: string): string => {
    if (character >= "@" && character <= "~") {
      mode = "text";
      if (character !== "m" || !/^[0-9;:]*$/.test(parameters)) return "";
      isColoured = !/^0*$/.test(parameters);
      return `${ESCAPE}[${parameters}m`;
    }
    // a control character inside a sequence ends it: it must not swallow a line end
    if (character < " ") {
      mode = "text";
      return pushText(character);
    }
    parameters = parameters.length < COLOUR_PARAMETERS_MAX ? parameters + character : "?";
    return "";
  };

  const pushCharacter = (character: string): string => {
    switch (mode) {
      case "text":
        return pushText(character);
      case "escape":
        if (character === "[") {
          mode = "control";
          parameters = "";
        } else if ("]PX^_".includes(character)) mode = "string";
        else if (character >= " " && character <= "/") mode = "intermediate";
        else {
          mode = "text";
          if (character < " ") return pushText(character);
        }
        return "";
      case "intermediate":
        if (character >= " " && character <= "/") return "";
        mode = "text";
        return character < " " ? pushText(character) : "";
      case "control":
        return pushControl(character);
      case "string":
        if (character === "\u0007" || character === "\u009c") mode = "text";
        else if (character === ESCAPE) mode = "string-escape";
        // an unfinished string must not hide the rest of the log
        else if (character === "\n") {
          mode = "text";
          return pushText(character);
        }
        return "";
      case "string-escape":
        mode = character === "\\" ? "text" : "string";
        return character === "\n" ? pushCharacter(character) : "";
    }
  };

  return {
    push(text) {
      let safe = "";
      for (const character of text) safe += pushCharacter(character);
      return safe;
    },
  };
}
