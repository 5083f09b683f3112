// An order's way: its steps in the panel, and the arrows that it took on the map.

import { asTime, element } from "./figures.js";

const AGAIN = 1000;
const STEP = 900;
const VERBS = { told: "tells", heard: "hears", waits: "has not heard yet", buried: "could not handle" };
const OPEN = new Set(["placed"]);
const found = document.getElementById("found");

let timer = 0;
let playing = 0;
let turn = 0;
let drawn = "";

/** Shows the way of an order, and goes on looking while it is not at its end. */
export async function followOrder(reference, page) {
  endWay();
  found.textContent = "";
  if (reference) await look(reference, page, turn);
}

/** An address may name the order: /admin/map/?order=N-2026-000123. */
export function followOrderIfAsked(follow) {
  const reference = new URLSearchParams(location.search).get("order");
  if (reference) follow(reference);
}

/** Follows no order any more. */
export function endWay() {
  turn += 1;
  drawn = "";
  clearTimeout(timer);
  clearInterval(playing);
  playing = 0;
  unmark("on-way");
  unmark("on-step");
}

async function look(reference, page, mine) {
  const way = await ask(reference);
  if (mine !== turn) return;
  if (way) {
    draw(way, page);
    history.replaceState(null, "", `?order=${way.id}`);
    const isOpen = OPEN.has(way.state) || way.steps.some((step) => step.kind === "waits");
    if (isOpen) timer = setTimeout(() => look(way.id, page, mine), AGAIN);
  }
}

async function ask(reference) {
  try {
    const headers = { Accept: "application/json" };
    const answer = await fetch(`/admin/map/orders/${encodeURIComponent(reference)}`, { headers });
    if (answer.redirected) throw new Error("Log in again.");
    const body = await answer.json();
    if (answer.ok) return body;
    found.textContent = body.detail;
  } catch (why) {
    found.textContent = why.message || "The way could not be asked for.";
  }
  return null;
}

function draw(way, page) {
  const same = way.steps.map((step) => `${step.event_id} ${step.app} ${step.kind}`).join();
  if (drawn === same) {
    refresh(way);
    return;
  }
  drawn = same;
  const longest = Math.max(...way.steps.map((step) => step.seconds), 0.001);
  const items = way.steps.map((step, at) => itemOf(step, at, longest));
  const play = element("button", { type: "button", class: "play", text: "Play the steps" });
  page.fill(
    element("h2", { text: `Order ${way.number}` }),
    element("p", {}, element("b", { text: way.state }), `: ${tookOf(way)}`),
    element("p", { class: "ids" }, "id ", element("code", { text: way.id })),
    element("p", { class: "ids" }, "correlation ", element("code", { text: way.correlation_id || "none" })),
    ...(way.trace_id ? [element("p", { class: "ids" }, "trace ", element("code", { text: way.trace_id }))] : []),
    play,
    element("ol", { class: "way" }, ...items),
    ...way.unknown.map((text) => element("p", { class: "note", text })),
  );
  markWay(way, page);
  const buttons = items.map((item) => item.firstElementChild);
  buttons.forEach((button, at) => listenTo(button, at, { way, page, buttons }));
  play.addEventListener("click", () => playSteps({ way, page, buttons }));
}

function itemOf(step, at, longest) {
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--part", `${Math.max(1, (100 * step.seconds) / longest).toFixed(1)}%`);
  const button = element(
    "button",
    { type: "button", class: `step ${step.kind}`, "aria-pressed": "false" },
    element("span", { class: "what" }, element("b", { text: step.app }), ` ${VERBS[step.kind]}: ${step.title}`),
    element("span", { class: "took", text: durationOf(step, at) }),
    element("span", { class: "about", text: step.about }),
    bar,
    element("span", { class: "at", text: step.at ? clock(step.at) : "not yet" }),
  );
  return element("li", {}, button);
}

function refresh(way) {
  document.querySelectorAll(".step .took").forEach((took, at) => {
    took.textContent = durationOf(way.steps[at], at);
  });
}

function durationOf(step, at) {
  if (step.kind === "waits") return `waiting for ${asTime(step.seconds)}`;
  return at === 0 ? "start" : `+${asTime(step.seconds)}`;
}

function tookOf(way) {
  const first = way.steps[0];
  const verdict = way.steps.find((step) => step.kind === "told" && /confirmed|rejected/.test(step.title));
  if (!verdict) return `no verdict yet, since ${clock(first.at)} UTC`;
  const seconds = (Date.parse(verdict.at) - Date.parse(first.at)) / 1000;
  return `the verdict came ${asTime(seconds)} after it was placed at ${clock(first.at)} UTC`;
}

function clock(instant) {
  const [, time, fraction = ""] = /T([\d:]+)(\.\d+)?/.exec(instant);
  return `${time}${fraction.slice(0, 4)}`;
}

// -- on the map

function markWay(way, page) {
  unmark("on-way");
  for (const name of new Set(way.steps.flatMap((step) => step.arrows))) page.parts.get(name)?.classList.add("on-way");
}

function markStep(at, { way, page, buttons }) {
  unmark("on-step");
  buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(place === at)));
  page.parts.get(way.steps[at].app)?.classList.add("on-step");
  for (const name of way.steps[at].arrows) page.parts.get(name)?.classList.add("on-step");
}

function unmark(name) {
  for (const each of document.querySelectorAll(`.${name}`)) each.classList.remove(name);
}

function listenTo(button, at, shown) {
  button.addEventListener("click", () => markStep(at, shown));
  button.addEventListener("keydown", (event) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (!shown.buttons[to]) return;
    event.preventDefault();
    shown.buttons[to].focus();
    markStep(to, shown);
  });
}

function playSteps(shown) {
  clearInterval(playing);
  let at = 0;
  const next = () => {
    markStep(at, shown);
    shown.buttons[at].scrollIntoView({ block: "nearest" });
    at += 1;
    if (at >= shown.buttons.length) clearInterval(playing);
  };
  playing = setInterval(next, STEP);
  next();
}
