/** Thrown when an expression cannot be compiled or evaluated; `expression` is its text without the braces. */
export class ExpressionFailure extends Error {
  readonly code = "expression";
  readonly expression: string;

  constructor(expression: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ExpressionFailure";
    this.expression = expression;
  }
}
