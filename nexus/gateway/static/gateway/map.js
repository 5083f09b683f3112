// The living map: takes what the stream brings, and shows it on the diagram that the server drew.

import { drawLine, element, emptyLine, KEPT, sendDots, shown, withCode } from "./figures.js";
import { endWay, followOrder, followOrderIfAsked } from "./order.js";

const reading = JSON.parse(document.getElementById("reading").textContent);
const parts = new Map([...document.querySelectorAll("[data-id]")].map((each) => [each.dataset.id, each]));
const panel = document.getElementById("panel");
const details = document.getElementById("details");
const introduction = [...details.childNodes];
const closing = document.getElementById("close");
const link = document.getElementById("link");
const headline = document.getElementById("headline");
const RANK = { broken: 0, poorly: 1, well: 2 };
const SILENT_AFTER = 4000;
const AGAIN = 3000;
const WORTH_SAYING = 1;

let past = {};
let newest = null;
let heardAt = 0;
let opened = null;

// -- the stream

function listen(query = "") {
  const stream = new EventSource(`/admin/map/stream${query}`);
  stream.addEventListener("past", (event) => {
    past = JSON.parse(event.data);
  });
  stream.addEventListener("now", (event) => {
    heardAt = Date.now();
    say("live", "live");
    show(JSON.parse(event.data));
  });
  stream.addEventListener("again", () => {
    // Each stream is a short one, so that a server can be stopped while somebody watches.
    stream.close();
    listen("?again");
  });
  stream.addEventListener("error", () => {
    say("lost", "connection lost, trying again");
    if (stream.readyState !== EventSource.CLOSED) return;
    // Refused: the session may have ended, or too many watch. A browser would not try again by itself.
    say("lost", "refused, trying again; are you still logged in?");
    setTimeout(() => listen("?again"), AGAIN);
  });
}

function say(state, sentence) {
  if (link.dataset.state !== state || link.lastElementChild.textContent !== sentence) {
    link.dataset.state = state;
    link.lastElementChild.textContent = sentence;
  }
  document.body.classList.toggle("silent", state !== "live");
}

setInterval(() => {
  if (link.dataset.state === "live" && Date.now() - heardAt > SILENT_AFTER) say("lost", "nothing heard, waiting");
}, 1000);

// -- boxes and arrows

function show(snapshot) {
  newest = snapshot;
  for (const [id, seen] of Object.entries(snapshot.seen)) {
    remember(id, seen.figures);
    const part = parts.get(id);
    if (part) (part.classList.contains("arrow") ? showArrow : showBox)(part, id, seen);
  }
  showHeadline(snapshot.seen);
  if (opened) showFigures(opened);
  document.body.dataset.samples = Number(document.body.dataset.samples || 0) + 1;
}

function remember(id, figures) {
  const lines = (past[id] ??= {});
  for (const [name, number] of Object.entries(figures)) {
    const line = (lines[name] ??= []);
    line.push(number);
    line.splice(0, line.length - KEPT);
  }
}

function showBox(box, id, seen) {
  showCommon(box, id, seen);
  box.querySelector(".word").textContent = seen.state === "well" ? "" : seen.state;
  const line = box.querySelector(".spark");
  drawLine(line, past[id]?.[line.dataset.figure] ?? [], reading.figures[line.dataset.figure].unit);
}

function showArrow(arrow, id, seen) {
  showCommon(arrow, id, seen);
  const carried = seen.figures[reading.shown[id][0]];
  const waiting = seen.figures.waiting ?? seen.figures.pending ?? 0;
  const wait = arrow.querySelector(".wait");
  wait.hidden = !(waiting > 0);
  wait.textContent = `${shown(waiting, "count")} wait`;
  const late = seen.figures.lag ?? (seen.figures.age > WORTH_SAYING ? seen.figures.age : null);
  arrow.querySelector(".lag").textContent = late === null ? "" : shown(late, "seconds");
  arrow.style.setProperty("--weight", `${1.5 + Math.min(2.5, Math.log10(1 + (carried || 0)))}px`);
  arrow.classList.toggle("flows", carried > 0.05);
  sendDots(arrow.querySelector(".track"), seen.state === "broken" ? 0 : carried);
}

function showCommon(part, id, seen) {
  if (part.dataset.state !== seen.state) part.dataset.state = seen.state;
  for (const number of part.querySelectorAll(".number")) {
    number.textContent = shown(seen.figures[number.dataset.figure], reading.figures[number.dataset.figure].unit);
  }
  part.setAttribute("aria-label", inWords(part, id, seen));
}

function inWords(part, id, seen) {
  const numbers = reading.shown[id].map((name) => {
    const { title, unit } = reading.figures[name];
    return `${title} ${shown(seen.figures[name], unit).replace("/s", " per second").replace("–", "unknown")}`;
  });
  return `${part.dataset.title}: ${seen.state}. ${seen.says.join(" ").replaceAll("`", "")} ${numbers.join(", ")}`;
}

function showHeadline(seen) {
  const roots = [...parts.values()].filter((part) => part.classList.contains("box"));
  // What is broken underneath explains what is wrong above it.
  roots.reverse();
  const wrong = roots.filter((part) => RANK[seen[part.dataset.id]?.state] < RANK.well);
  wrong.sort((one, other) => RANK[seen[one.dataset.id].state] - RANK[seen[other.dataset.id].state]);
  const sentences = [...new Set(wrong.map((part) => seen[part.dataset.id].says[0]))];
  const state = wrong.length ? seen[wrong[0].dataset.id].state : "well";
  const rest = sentences.length > 1 ? ` And ${sentences.length - 1} more, marked below.` : "";
  const sentence = wrong.length ? `${sentences[0]}${rest}` : "Everything is well.";
  if (headline.dataset.sentence !== sentence) headline.lastElementChild.replaceChildren(...withCode(sentence));
  headline.dataset.sentence = sentence;
  headline.dataset.state = state;
}

// -- details

function open(part) {
  endWay();
  opened?.removeAttribute("aria-expanded");
  opened = part;
  part.setAttribute("aria-expanded", "true");
  const rows = reading.shown[part.dataset.id].map((name) => {
    const number = element("td", { class: "number", "data-figure": name });
    const title = element("th", { scope: "row", text: reading.figures[name].title });
    return element("tr", {}, title, number, element("td", {}, emptyLine()));
  });
  fill(
    element("h2", { text: part.dataset.title }),
    element("p", { class: "note", text: part.dataset.note }),
    element("p", { class: "state" }, element("span", { class: "mark", "aria-hidden": "true" }), element("b")),
    element("ul", { class: "says" }),
    element(
      "table",
      {},
      element("caption", { text: "now, and in the last two minutes" }),
      element("tbody", {}, ...rows),
    ),
  );
  showFigures(part);
}

function showFigures(part) {
  const seen = newest?.seen[part.dataset.id];
  if (!seen) return;
  details.querySelector(".state").dataset.state = seen.state;
  details.querySelector(".state b").textContent = seen.state;
  details.querySelector(".says").replaceChildren(...seen.says.map((text) => element("li", {}, ...withCode(text))));
  for (const number of details.querySelectorAll("td.number")) {
    const name = number.dataset.figure;
    const { unit } = reading.figures[name];
    number.textContent = shown(seen.figures[name], unit);
    drawLine(number.nextElementSibling.firstElementChild, past[part.dataset.id]?.[name] ?? [], unit);
  }
}

/** Puts something else into the panel, and shows it. */
export function fill(...children) {
  details.replaceChildren(...children);
  document.body.classList.add("open");
  closing.hidden = false;
}

function close() {
  const from = opened;
  endWay();
  opened?.removeAttribute("aria-expanded");
  opened = null;
  details.replaceChildren(...introduction);
  document.body.classList.remove("open");
  closing.hidden = true;
  from?.focus();
}

for (const part of parts.values()) part.addEventListener("click", () => (opened === part ? close() : open(part)));
closing.addEventListener("click", close);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !closing.hidden) close();
});

// -- orders

function follow(reference) {
  opened?.removeAttribute("aria-expanded");
  opened = null;
  followOrder(reference, { fill, parts });
}

document.getElementById("find").addEventListener("submit", (event) => {
  event.preventDefault();
  follow(event.target.reference.value.trim());
});
document.getElementById("newest").addEventListener("click", () => follow("latest"));
followOrderIfAsked(follow);
panel.dataset.ready = "yes";
listen();
