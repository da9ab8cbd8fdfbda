/** Shells with documented invocations on Linux; any other must be a command with `{0}` in it. */
export const SHELL_NAMES = ["bash", "sh", "python", "pwsh"] as const;

interface ShellForm {
  readonly extension: string;
  readonly template: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

const PWSH_SUFFIX = "if ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }";

const FORMS: ReadonlyMap<string, ShellForm> = new Map([
  ["bash", { extension: ".sh", template: "bash --noprofile --norc -eo pipefail {0}" }],
  ["sh", { extension: ".sh", template: "sh -e {0}" }],
  ["python", { extension: ".py", template: "python {0}" }],
  [
    "pwsh",
    {
      extension: ".ps1",
      template: "pwsh -command \". '{0}'\"",
      prefix: "$ErrorActionPreference = 'stop'\n",
      suffix: `\n${PWSH_SUFFIX}`,
    },
  ],
]);

/** Whether a `shell:` can be used: a documented name or a command with `{0}`. */
export function isKnownShell(shell: string): boolean {
  return FORMS.has(shell.trim().toLowerCase()) || shell.includes("{0}");
}

/** How the script of a step is written and started. */
export interface ShellStart {
  readonly argv: readonly string[];
  readonly extension: string;
  /** Text that stands before and after the step's own in the script file. */
  readonly scriptPrefix: string;
  readonly scriptSuffix: string;
}

/**
 * The command line for a `run` step. Without `shell:` it is `bash -e {0}`, or `sh -e {0}` where there is no bash;
 * `shell: bash` is stricter (`pipefail`). `scriptPath` must carry the extension that `shellExtension` names. Answers
 * `undefined` for a shell that is not known.
 */
export function shellArgv(
  shell: string | undefined,
  scriptPath: string,
  { hasBash }: { hasBash: boolean },
): ShellStart | undefined {
  const form = findForm(shell, hasBash);
  if (form === undefined) return undefined;
  return {
    argv: splitCommand(form.template).map((word) => word.replaceAll("{0}", scriptPath)),
    extension: form.extension,
    scriptPrefix: form.prefix ?? "",
    scriptSuffix: form.suffix ?? "",
  };
}

/** The extension a step's script file must have, with its dot; empty for custom commands. */
export function shellExtension(shell: string | undefined): string {
  return findForm(shell, true)?.extension ?? "";
}

function findForm(shell: string | undefined, hasBash: boolean): ShellForm | undefined {
  const written = shell?.trim() ?? "";
  if (written === "") return { extension: ".sh", template: hasBash ? "bash -e {0}" : "sh -e {0}" };
  const known = FORMS.get(written.toLowerCase());
  if (known !== undefined) return known;
  return written.includes("{0}") ? { extension: customExtension(written), template: written } : undefined;
}

/** A custom command that starts a known shell gets its extension: pwsh refuses scripts without `.ps1`. */
function customExtension(command: string): string {
  const program = splitCommand(command)[0]?.split("/").at(-1) ?? "";
  return FORMS.get(program.toLowerCase())?.extension ?? "";
}

/** Words by blanks; double quotes keep a word together, a backslash before one keeps it. */
function splitCommand(command: string): string[] {
  const words: string[] = [];
  let word = "";
  let isOpen = false;
  let isQuoted = false;
  for (let at = 0; at < command.length; at += 1) {
    const char = command[at] ?? "";
    if (char === "\\" && command[at + 1] === '"') {
      word += '"';
      isOpen = true;
      at += 1;
    } else if (char === '"') {
      isQuoted = !isQuoted;
      isOpen = true;
    } else if (!isQuoted && /\s/.test(char)) {
      if (isOpen) words.push(word);
      word = "";
      isOpen = false;
    } else {
      word += char;
      isOpen = true;
    }
  }
  if (isOpen) words.push(word);
  return words;
}
