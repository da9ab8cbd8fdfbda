/** Whether the farm refused an agent that an operator may enable again: it stays who it is, and its service manager is to try later. */
export function isDisabled(error: Error): boolean {
  return /(^|: )disabled: /.test(error.message);
}
