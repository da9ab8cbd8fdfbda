/**
 * Draws a terminal's screen (text with SGR colours, as `tmux capture-pane -e` prints it) as an SVG picture. Knows what the
 * command line uses: bold, dim, the 16 colours, reset.
 */
export function ansiToSvg(screen: string, options: { title: string; columns: number }): string {
  const lines = screen.trimEnd().split("\n");
  const width = options.columns * CHARACTER + 2 * MARGIN;
  const height = lines.length * LINE + 2 * MARGIN + BAR;
  // a style holds until it is changed, over the ends of lines too
  let style = PLAIN;
  const rows = lines.map((line, index) => {
    const drawn = drawLine(line, { y: BAR + MARGIN + (index + 1) * LINE - 5, style });
    style = drawn.style;
    return drawn.svg;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeXml(options.title)}</title>
<rect width="${width}" height="${height}" rx="8" fill="#16181d"/>
<g fill="#3b3f4a"><circle cx="18" cy="16" r="5"/><circle cx="36" cy="16" r="5"/><circle cx="54" cy="16" r="5"/></g>
<g font-family="ui-monospace, SFMono-Regular, Menlo, DejaVu Sans Mono, monospace" font-size="13" fill="#d7dae0" xml:space="preserve">
${rows.join("\n")}
</g>
</svg>
`;
}

const CHARACTER = 7.83;
const LINE = 18;
const MARGIN = 16;
const BAR = 24;
const COLOURS = ["#16181d", "#f2777a", "#8bc88b", "#e5c07b", "#74a9e8", "#c792d6", "#66c2c2", "#d7dae0"];
const BRIGHT = ["#7a8090", "#ff8f8f", "#a5e0a5", "#f5d78e", "#92c0f5", "#dcaae8", "#86dcdc", "#ffffff"];

interface Style {
  readonly colour: string | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
}

const PLAIN: Style = { colour: undefined, bold: false, dim: false };

function drawLine(line: string, at: { y: number; style: Style }): { svg: string; style: Style } {
  let style = at.style;
  let column = 0;
  let drawn = "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is read here
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1];
    if (codes !== undefined) {
      style = codes.split(";").reduce((now, code) => applyCode(now, Number(code || 0)), style);
      continue;
    }
    if (part.trim() !== "") drawn += span(part, style, MARGIN + column * CHARACTER);
    column += [...part].length;
  }
  return { svg: `<text y="${at.y}">${drawn}</text>`, style };
}

function span(text: string, style: Style, x: number): string {
  const attributes = [
    style.colour === undefined ? "" : ` fill="${style.colour}"`,
    style.bold ? ' font-weight="bold"' : "",
    style.dim ? ' opacity="0.6"' : "",
  ].join("");
  return `<tspan x="${x.toFixed(1)}"${attributes}>${escapeXml(text)}</tspan>`;
}

function applyCode(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 39) return { ...style, colour: undefined };
  if (code >= 30 && code <= 37) return { ...style, colour: COLOURS[code - 30] };
  if (code >= 90 && code <= 97) return { ...style, colour: BRIGHT[code - 90] };
  return style;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
