// The chain as a picture: hubs above, stores below, and the lines between them.
//
// The browser lays out the nodes; the lines go from node to node as they stand, at any width. If the nodes have little
// room, the picture shows them small, and their cards follow below it.

import { html, signal, useEffect, useRef, useState } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { canAct, Problem, useActs } from "./acting.mjs";
import { NodeCard, SmallNode } from "./node.mjs";

const t = words({
  picture: ["The chain", "连锁"],
  cut: ["Cut the line from {dialler} to {dialled}", "断开 {dialler} 到 {dialled} 的线路"],
  heal: ["Heal the line from {dialler} to {dialled}", "恢复 {dialler} 到 {dialled} 的线路"],
  used: ["connected", "已连接"],
  spare: ["in reserve", "备用"],
  cutLine: ["cut", "断开"],
  losing: ["loses data", "丢失数据"],
  equal: ["equal colour: equal digest", "颜色相同：摘要一致"],
  legend: ["What the lines and colours mean", "线路与颜色说明"],
});

const CARD_MIN = 250; // narrower nodes are drawn small
const BUTTON = 40;
const SPOTS = [0.5, 0.3, 0.7, 0.22, 0.78]; // where else on its line a button may be

/** Whether the picture has little room for its nodes. */
const isSmall = signal(false);

export function Chain({ now }) {
  const root = useRef(null);
  const places = usePlaces(root, now.nodes.map((node) => node.name).join());
  const acts = useActs();
  const hubs = now.nodes.filter((node) => node.is_hub);
  const stores = now.nodes.filter((node) => !node.is_hub);
  useEffect(() => {
    isSmall.value = places.width > 0 && places.width / Math.max(stores.length, hubs.length) < CARD_MIN;
  }, [places.width, now.nodes.length]);
  const lines = drawn(now, places, hubs, stores);
  const draw = (node) => (isSmall.value
    ? html`<${SmallNode} key=${node.name} now=${now} node=${node} />`
    : html`<${NodeCard} key=${node.name} now=${now} node=${node} />`);
  return html`<section aria-label=${t("picture")}>
    <div class=${isSmall.value ? "chain is-small" : "chain"} ref=${root}>
      <svg class="lines" width=${places.width} height=${places.height} aria-hidden="true">
        ${lines.map((line) => html`<g key=${line.key} class=${`line ${line.kind} ${now.shoppers ? "busy" : ""}`}>
          <path d=${line.path} />${line.kind === "used" && html`<path class="flow" d=${line.path} />`}</g>`)}
      </svg>
      <div class="row hubs">${hubs.map(draw)}</div>
      <div class="row stores">${stores.map(draw)}</div>
      ${withRoom(lines, Math.min(...stores.map((store) => places.at[store.name]?.y ?? 0))).map((line) => html`<${LineButton} key=${line.key} line=${line} acts=${acts} />`)}
    </div>
    <${Legend} />
    <${Problem} writing=${acts.writing} />
  </section>`;
}

/** The cards of all nodes, where the picture has little room for them. */
export function Cards({ now }) {
  if (!isSmall.value) return null;
  const stores = now.nodes.filter((node) => !node.is_hub), hubs = now.nodes.filter((node) => node.is_hub);
  return html`<div class="node-cards">${[stores, hubs].map((nodes) => html`<div class="cards">
    ${nodes.map((node) => html`<${NodeCard} key=${node.name} now=${now} node=${node} />`)}</div>`)}</div>`;
}

/** Where each node of the picture is, in pixels of the picture. */
function usePlaces(root, names) {
  const [places, setPlaces] = useState({ width: 0, height: 0, at: {} });
  useEffect(() => {
    const measure = () => {
      const at = {};
      for (const element of root.current.querySelectorAll("[data-node]")) {
        at[element.dataset.node] = { x: element.offsetLeft, y: element.offsetTop, width: element.offsetWidth, height: element.offsetHeight };
      }
      const found = { width: root.current.clientWidth, height: root.current.clientHeight, at };
      setPlaces((old) => (JSON.stringify(old) === JSON.stringify(found) ? old : found));
    };
    const watching = new ResizeObserver(measure);
    watching.observe(root.current);
    measure();
    return () => watching.disconnect();
  }, [names]);
  return places;
}

const kindOf = (line) => (line.state === "whole" ? (line.is_used ? "used" : "spare") : line.state);

function drawn(now, places, hubs, stores) {
  const ranks = Object.fromEntries([...hubs, ...stores].map((node) => [node.name, (node.is_hub ? hubs : stores).indexOf(node)]));
  const made = [];
  for (const line of now.lines) {
    const from = places.at[line.dialler], to = places.at[line.dialled];
    if (!from || !to) continue;
    const isBetweenHubs = hubs.some((hub) => hub.name === line.dialler);
    const shape = isBetweenHubs ? between(from, to) : down(to, from, ranks[line.dialled], hubs.length, ranks[line.dialler], stores.length);
    made.push({ ...line, ...shape, kind: kindOf(line), key: `${line.dialler} ${line.dialled}` });
  }
  return made;
}

/** A line from a hub down to a store. Lines of one node begin beside each other. */
function down(hub, store, hubRank, hubs, storeRank, stores) {
  const x1 = hub.x + hub.width * (0.5 + ((storeRank + 0.5) / stores - 0.5) * 0.5), y1 = hub.y + hub.height;
  const x2 = store.x + store.width * (0.5 + ((hubRank + 0.5) / hubs - 0.5) * 0.4), y2 = store.y;
  const middle = (y1 + y2) / 2;
  const place = hubs > 1 ? 0.33 + (0.34 * hubRank) / (hubs - 1) : 0.5;
  return {
    path: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`,
    spots: [place, ...SPOTS].map((at) => ({ x: cubic(x1, x1, x2, x2, at), y: cubic(y1, middle, middle, y2, at) })),
  };
}

const cubic = (a, b, c, d, at) => a * (1 - at) ** 3 + 3 * b * at * (1 - at) ** 2 + 3 * c * at ** 2 * (1 - at) + d * at ** 3;

/** A line between two hubs: straight if they are neighbours, else around above those in between. */
function between(one, other) {
  const [left, right] = one.x < other.x ? [one, other] : [other, one];
  const x1 = left.x + left.width, x2 = right.x, y = left.y + Math.min(left.height / 2, 44);
  if (x2 - x1 >= BUTTON && x2 - x1 < left.width / 2) return { path: `M${x1} ${y}L${x2} ${y}`, spots: [{ x: (x1 + x2) / 2, y }] };
  const from = left.x + left.width / 2, to = right.x + right.width / 2, top = left.y - 46;
  return { path: `M${from} ${left.y}C${from} ${top} ${to} ${top} ${to} ${right.y}`, spots: [{ x: (from + to) / 2, y: (left.y + 3 * top) / 4 }] };
}

/**
 * Each line with a spot for its button: above the stores, from `bottom` up, and over no other button. A line without such
 * a spot has no button in the picture.
 */
function withRoom(lines, bottom) {
  const taken = [];
  return lines.flatMap((line) => {
    const spot = line.spots.find((one) => one.y < bottom - BUTTON / 2 && taken.every((other) => Math.abs(other.x - one.x) >= BUTTON || Math.abs(other.y - one.y) >= BUTTON));
    if (!spot) return [];
    taken.push(spot);
    return [{ ...line, ...spot }];
  });
}

/** The button on a line. The place is set in code, because the policy of the page forbids styles in its text. */
function LineButton({ line, acts }) {
  const isWhole = line.state === "whole";
  const label = t(isWhole ? "cut" : "heal", line);
  const body = { do: isWhole ? "cut" : "heal", dialler: line.dialler, dialled: line.dialled };
  return html`<button type="button" class=${`line-act ${line.kind}`} aria-label=${label} title=${label}
    style=${{ left: `${line.x}px`, top: `${line.y}px` }} disabled=${acts.writing.isSending || !canAct()} onClick=${() => acts.act(body)}>
    <svg viewBox="0 0 16 16" aria-hidden="true">${isWhole
      ? html`<circle cx="4" cy="4.2" r="2.1" /><circle cx="4" cy="11.8" r="2.1" /><path d="M5.8 5.4L14 11.5M5.8 10.6L14 4.5" />`
      : html`<path d="M3.5 3.5L12.5 12.5M12.5 3.5L3.5 12.5" />`}</svg>
  </button>`;
}

const Legend = () => html`<ul class="legend" aria-label=${t("legend")}>
  ${[["used", "used"], ["spare", "spare"], ["cut", "cutLine"], ["losing", "losing"]].map(([kind, text]) => html`<li key=${kind}>
    <svg class=${`line ${kind}`} viewBox="0 0 34 8" aria-hidden="true"><path d="M0 4L34 4" /></svg>${t(text)}</li>`)}
  <li><span class="digest group-0"><span class="seal" aria-hidden="true"></span></span><span class="digest group-1"><span class="seal" aria-hidden="true"></span></span> ${t("equal")}</li>
</ul>`;
