export { type CompiledExpression, type ContextUse, compileExpression } from "./compile-expression.ts";
export { compileTemplate, hasExpression, type TemplateSegment } from "./compile-template.ts";
export { type ExpressionFunctions, evaluateCondition, evaluateTemplate, evaluateValue } from "./evaluate.ts";
export type { ExpressionContexts } from "./expression-data.ts";
export { ExpressionFailure } from "./expression-failure.ts";
export { matchTriggers, type TriggerEvent, type TriggerMatch } from "./match-triggers.ts";
export { type ParseResult, parseWorkflow } from "./parse-workflow.ts";
export { type ShellStart, shellArgv, shellExtension } from "./shell-argv.ts";
