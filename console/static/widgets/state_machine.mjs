// A picture of a state machine: its states from top to bottom, and the way that one thing took through it.
//
// The states are put into layers: each one below all states that lead to it, loops aside. Within a layer they stand in
// the order of the table. Only the way taken and the ways that are open now have names, so that the picture stays calm.
// The text below the picture says the way too.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { eventName } from "./order_events.mjs";
import { stateText } from "./orders.mjs";

const t = words({
  begin: ["begin", "开始"],
  way: ["Way so far: {way}", "已经历：{way}"],
  open: ["Possible now: {events}", "当前可行：{events}"],
  nothing: ["nothing any more", "无"],
});

const WIDTH = 400, BOX = { width: 118, height: 32 }, LAYER = 78, TOP = 24;

/**
 * `table`: `{states, transitions: [{event, from, to}]}`. `way`: `{state, event}` in order, with the event that led to
 * each state. `now`: the present state. Without them the picture is of the table alone, and names all events.
 */
export function StateMachine({ table, way = [], now }) {
  const { places, height } = layout(table);
  const edges = edgesOf(table), taken = takenOf(way);
  const open = edges.filter((edge) => edge.from === now).flatMap((edge) => edge.events);
  const shown = edges.filter((edge) => edge.from !== "" && edge.from !== edge.to && places[edge.from] && places[edge.to]);
  const ranked = shown.map((edge) => ({ ...edge, tone: toneOf(edge, taken, now) })).sort((a, b) => ORDER[a.tone] - ORDER[b.tone]);
  return html`<figure class="drawing">
    <svg class="machine" viewBox=${`0 0 ${WIDTH} ${height}`} aria-hidden="true">
      ${ranked.map((edge) => html`<${Edge} key=${`${edge.from} ${edge.to}`} edge=${edge} from=${places[edge.from]} to=${places[edge.to]} />`)}
      ${table.states.map((state) => html`<${State} key=${state} state=${state} place=${places[state]} kind=${state === now ? "now" : way.some((step) => step.state === state) ? "been" : ""} />`)}
      ${ranked.filter((edge) => edge.tone).map((edge) => html`<${Label} key=${`${edge.from} ${edge.to}`} edge=${edge} taken=${taken} from=${places[edge.from]} to=${places[edge.to]} />`)}
    </svg>
    ${now !== undefined && html`<figcaption>
      <div>${t("way", { way: way.map((step) => `${eventName(step.event)} → ${stateText(step.state)}`).join(", ") })}</div>
      <div>${t("open", { events: [...new Set(open)].map(eventName).join(", ") || t("nothing") })}</div>
    </figcaption>`}
  </figure>`;
}

const ORDER = { "": 0, open: 1, taken: 2 };

/** The arrows of a table: one for each pair of states, with all its events. */
export function edgesOf(table) {
  const found = new Map();
  for (const row of table.transitions) {
    for (const from of row.from.length ? row.from : [""]) {
      const key = `${from} ${row.to}`;
      if (!found.has(key)) found.set(key, { from, to: row.to, events: [] });
      found.get(key).events.push(row.event);
    }
  }
  return [...found.values()];
}

function takenOf(way) {
  const taken = new Map();
  for (let at = 1; at < way.length; at++) {
    const key = `${way[at - 1].state} ${way[at].state}`;
    taken.set(key, [...(taken.get(key) ?? []), way[at].event]);
  }
  return taken;
}

const toneOf = (edge, taken, now) => (now === undefined ? "open" : taken.has(`${edge.from} ${edge.to}`) ? "taken" : edge.from === now ? "open" : "");

/** Where each state stands: `{places: {state: {x, y}}, height}`. */
export function layout(table) {
  const layers = layersOf(table), places = {};
  const rows = [];
  for (const state of table.states) (rows[layers[state]] ??= []).push(state);
  const filled = rows.filter(Boolean);
  for (const [at, row] of filled.entries()) {
    const step = WIDTH / row.length;
    for (const [index, state] of row.entries()) {
      places[state] = { x: step * (index + 0.5), y: TOP + at * LAYER };
    }
  }
  return { places, height: 2 * TOP + (filled.length - 1) * LAYER };
}

/**
 * The layer of each state: one more than that of the states before it. Arrows back to an earlier state do not count, and
 * two states that lead to each other stand beside each other.
 */
export function layersOf(table) {
  const all = edgesOf(table), leads = (from, to) => all.some((edge) => edge.from === from && edge.to === to);
  const edges = all.filter((edge) => edge.from !== edge.to && !leads(edge.to, edge.from));
  const layers = Object.fromEntries(table.states.map((state) => [state, 0]));
  const order = Object.fromEntries(table.states.map((state, at) => [state, at]));
  const forward = edges.filter((edge) => edge.from !== "" && order[edge.from] < order[edge.to]);
  for (const state of table.states) {
    for (const edge of forward) if (edge.from === state) layers[edge.to] = Math.max(layers[edge.to], layers[state] + 1);
  }
  return layers;
}

function State({ state, place, kind }) {
  return html`<g class=${kind}>
    <rect x=${place.x - BOX.width / 2} y=${place.y - BOX.height / 2} width=${BOX.width} height=${BOX.height} rx="8" />
    <text x=${place.x} y=${place.y}>${stateText(state)}</text>
  </g>`;
}

/** The curve of an arrow. `name`: where its name stands, near its end. */
function curve(from, to) {
  const isDown = to.y > from.y, isLevel = to.y === from.y;
  if (isLevel) {
    const right = to.x > from.x, x1 = from.x + (right ? 1 : -1) * BOX.width / 2, x2 = to.x - (right ? 1 : -1) * BOX.width / 2;
    const end = x2 + (right ? -7 : 7), y = from.y + (right ? -7 : 7); // one above the other, if they lead to each other
    return { line: `M${x1},${y} L${end},${y}`, end: [end, y, right ? 0 : 180], name: [(x1 + x2) / 2, y + (right ? -10 : 11)] };
  }
  const spread = Math.max(-30, Math.min(30, (to.x - from.x) / 4));
  const [x1, y1] = [from.x + spread, from.y + (isDown ? 1 : -1) * BOX.height / 2];
  const [x2, y2] = [to.x - spread, to.y - (isDown ? 1 : -1) * (BOX.height / 2 + 7)];
  const isLong = Math.abs(to.y - from.y) > LAYER, out = isLong ? sideOf(x1, x2) * 70 : 0;
  const half = (y2 - y1) / 2;
  const line = `M${x1},${y1} C${x1 + out},${y1 + half} ${x2 + out / 3},${y2 - half} ${x2},${y2}`;
  return { line, end: [x2, y2, isDown ? 90 : -90], name: [x2, y2 + (isDown ? -13 : 13)] };
}

/** On which side of the boxes between a long arrow passes. */
const sideOf = (x1, x2) => (Math.abs(x1 - x2) > WIDTH / 4 ? 0 : (x1 + x2) / 2 > WIDTH / 2 ? 1 : -1);

function Edge({ edge, from, to }) {
  const { line, end: [x, y, turn] } = curve(from, to);
  return html`<path class=${`edge ${edge.tone}`} d=${line} />
    <path class=${`head ${edge.tone}`} d="M7,0 L-3,-5 L-3,5 Z" transform=${`translate(${x} ${y}) rotate(${turn})`} />`;
}

function Label({ edge, taken, from, to }) {
  const { name: [x, y] } = curve(from, to);
  const events = edge.tone === "taken" ? [...new Set(taken.get(`${edge.from} ${edge.to}`))] : edge.events;
  return html`<text class=${`label ${edge.tone}`} x=${x} y=${y}>${events.map(eventName).join(", ")}</text>`;
}
