// Numbers as people read them, their lines of the last two minutes, and the dots that move along arrows.

export const KEPT = 120;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const MOST_DOTS = 8;
const LEAST_RATE = 5;
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const UNITS = {
  per_second: (n) => `${rounded(n)}/s`,
  seconds: asTime,
  share: (n) => `${n > 0 && n < 0.01 ? "<1" : whole.format(100 * n)} %`,
  count: (n) => whole.format(n),
};

function rounded(n) {
  if (n < 0.05) return "0";
  return n < 9.95 ? n.toFixed(1) : whole.format(n);
}

/** A span of time: 0.4 ms, 18 ms, 2.4 s, 3 min. */
export function asTime(n) {
  if (n < 0.00095) return `${(1000 * n).toFixed(1)} ms`;
  if (n < 0.9995) return `${1000 * n < 9.95 ? (1000 * n).toFixed(1) : whole.format(1000 * n)} ms`;
  if (n < 99.5) return `${n < 9.95 ? n.toFixed(1) : whole.format(n)} s`;
  return n < 5970 ? `${whole.format(n / 60)} min` : `${whole.format(n / 3600)} h`;
}

/** The number with its unit; a dash when there is none. */
export function shown(number, unit) {
  return number === null || number === undefined ? "–" : UNITS[unit](number);
}

/** Draws numbers, the newest at the right, from nought to the highest; a gap where nothing is known. */
export function drawLine(svg, numbers, unit) {
  const known = numbers.filter((n) => n !== null);
  // A quiet shop is to look quiet: few a second are no mountains.
  const top = Math.max(...known, unit === "per_second" ? LEAST_RATE : 0);
  const height = (n) => (n === null ? null : 22.5 - (top ? (21 * n) / top : 0));
  const points = numbers.map((n, at) => [KEPT - numbers.length + at, height(n)]);
  let over = "";
  let under = "";
  let open = null;
  for (const [x, y] of points) {
    if (y === null) {
      if (open) under += `V24Z`;
      open = null;
      continue;
    }
    over += `${open ? "L" : "M"}${x} ${y.toFixed(1)}`;
    under += open ? `L${x} ${y.toFixed(1)}` : `M${x} 24V${y.toFixed(1)}`;
    open = [x, y];
    // The line ends where the newest number stands.
    if (x === KEPT - 1) under += "V24Z";
  }
  svg.querySelector(".over").setAttribute("d", over);
  svg.querySelector(".under").setAttribute("d", under);
}

/** Sends as many dots along an arrow as things flow in this second, some at most. */
export function sendDots(track, rate) {
  if (STILL.matches || document.hidden || !rate) return;
  const chance = rate % 1;
  const dots = Math.min(MOST_DOTS, Math.floor(rate) + (Math.random() < chance ? 1 : 0));
  for (let at = 0; at < dots; at += 1) {
    const dot = document.createElement("i");
    dot.className = "dot";
    dot.style.animationDelay = `${((at + Math.random() * 0.6) / dots).toFixed(2)}s`;
    dot.addEventListener("animationend", () => dot.remove());
    track.append(dot);
  }
}

/** An element with classes and text; text never becomes markup. */
export function element(name, { text = "", ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

/** An empty line to draw into. */
export function emptyLine() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 119 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const name of ["under", "over"]) {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("class", name);
    svg.append(path);
  }
  return svg;
}

/** A sentence as nodes; what stands between backticks is for a terminal. */
export function withCode(sentence) {
  return sentence.split("`").map((text, at) => (at % 2 ? element("code", { text }) : text));
}
