import type { Diagnostic } from "@windrow/model";
import { VERSION } from "../version.ts";

/** A log in the form that code review tools read: SARIF 2.1.0, one run, paths relative to the root of the sources. */
export function toSarif(diagnostics: readonly Diagnostic[]): object {
  const codes = [...new Set(diagnostics.map((one) => one.code))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "windrow lint",
            version: VERSION,
            rules: codes.map((id) => ({
              id,
              shortDescription: { text: `Workflow files: ${id.replaceAll("-", " ")}` },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: diagnostics.map((one) => ({
          ruleId: one.code,
          ruleIndex: codes.indexOf(one.code),
          level: one.severity,
          message: { text: one.hint === undefined ? one.message : `${one.message}\nHint: ${one.hint}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: toUri(one.file), ...(!isAbsolute(one.file) && { uriBaseId: "%SRCROOT%" }) },
                region: { startLine: one.line, startColumn: one.column },
              },
            },
          ],
        })),
      },
    ],
  };
}

function isAbsolute(file: string): boolean {
  return file.startsWith("/");
}

function toUri(file: string): string {
  const encoded = file.replace(/^\.\//, "").split("/").map(encodeURIComponent).join("/");
  return isAbsolute(file) ? `file://${encoded}` : encoded;
}
