/**
 * Numbers as the language writes them: at most 15 significant digits, scientific with a capital E from 1E+15 up and from
 * 1E-05 down.
 */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return String(value);
  const [mantissa = "", exponentText = "0"] = value.toExponential(14).split("e");
  const exponent = Number(exponentText);
  if (exponent < 15 && exponent > -5) return String(Number(value.toPrecision(15)));
  const digits = mantissa.replace(/\.?0+$/, "");
  return `${digits}E${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
