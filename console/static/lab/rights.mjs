// The units of the watched item at one location: who may promise them, what orders hold, and what is sold past all rights.
//
// Few units are drawn one by one, many as parts of a bar. Units that a node may promise and that are no longer there, a
// breach, are struck through in red.

import { html } from "../shell/view.mjs";
import { number, words } from "../shell/language.mjs";

const t = words({
  mayStore: ["{node} may sell", "{node} 可售额度"],
  mayHub: ["{node} may promise", "{node} 可承诺额度"],
  held: ["held for orders", "订单预占"],
  breach: ["sold past the rights", "超卖"],
});

const CELLS_MAX = 24;
const HUB_TONES = [3, 6, 4, 7]; // none of the colours of digests
const HELD_TONE = 2;
const STORE_TONE = 1;

/** The colour of a node that has rights. */
export const toneOf = (now, name) => {
  const hub = now.nodes.filter((node) => node.is_hub).findIndex((node) => node.name === name);
  return hub < 0 ? STORE_TONE : HUB_TONES[hub % HUB_TONES.length];
};

/** The parts of a stock, the store first, then hubs, then what orders hold. */
export function partsOf(now, stock) {
  const holders = [stock.location, ...now.nodes.filter((node) => node.is_hub).map((node) => node.name)];
  const parts = holders.map((name, index) => ({
    name: t(index ? "mayHub" : "mayStore", { node: name }), value: Math.max(0, stock.rights[name] ?? 0), tone: toneOf(now, name),
  }));
  return [...parts, { name: t("held"), value: stock.reserved, tone: HELD_TONE }];
}

/** The picture of the units. The texts beside it say the same. */
export function Units({ now, stock }) {
  const parts = partsOf(now, stock).filter((part) => part.value > 0);
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  const room = Math.max(total, stock.breach);
  if (room === 0) return html`<svg class="units" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <rect class="no-units" x="0.5" y="0.5" width="99" height="9" rx="1" /></svg>`;
  const wide = Math.max(room, 10);
  const gone = Math.max(0, room - stock.breach);
  const boxes = [];
  let at = 0;
  for (const part of parts) {
    boxes.push(...(room <= CELLS_MAX ? cells(at, part, wide) : [box(at, part.value, `tone-${part.tone}`, wide)]));
    at += part.value;
  }
  if (stock.breach > 0) {
    boxes.push(...(room <= CELLS_MAX
      ? Array.from({ length: stock.breach }, (_, index) => box(gone + index, 1, "gone", wide, true))
      : [box(gone, stock.breach, "gone", wide)]));
  }
  return html`<svg class="units" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">${boxes}</svg>`;
}

const cells = (at, part, wide) =>
  Array.from({ length: part.value }, (_, index) => box(at + index, 1, `tone-${part.tone}`, wide, true));

function box(at, units, kind, wide, isCell = false) {
  const unit = 1000 / wide;
  const gap = isCell ? Math.min(8, unit / 8) : 0;
  return html`<rect x=${at * unit + gap / 2} y="0" width=${units * unit - gap} height="100" class=${kind} />`;
}

/** Who may promise how many of the units, in words. */
export function Holders({ now, stock }) {
  const parts = partsOf(now, stock).filter((part, index) => part.value !== 0 || index === 0);
  return html`<ul class="holders">
    ${parts.map((part) => html`<li key=${part.name}><span class=${`swatch tone-${part.tone}`} aria-hidden="true"></span>
      ${part.name} <strong>${number(part.value)}</strong></li>`)}
    ${stock.breach > 0 && html`<li class="breach"><span class="swatch gone" aria-hidden="true"></span>
      ${t("breach")} <strong>${number(stock.breach)}</strong></li>`}
  </ul>`;
}
