// Who may promise the units of an item: the rights of each holder, in sum and by location.

import { html } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { usePages } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { Bar, Figure } from "../widgets/bar.mjs";
import { useName } from "../widgets/names.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { quantity } from "../widgets/units.mjs";
import { placeName } from "./place_names.mjs";

const t = words({
  title: ["Who may promise {item}", "{item}：谁可承诺"],
  caption: ["Rights by holder and location", "各地点、各持有者的可承诺量"],
  total: ["In all locations", "全部地点"],
  others: ["others", "其他"],
  held: ["in orders", "订单预占"],
  location: ["Location", "地点"],
  onHand: ["On hand", "现货"],
  reserved: ["Reserved", "预占"],
  quarantined: ["Quarantined", "隔离待检"],
  breach: ["Breach", "超卖"],
  holders: ["Holders", "持有者"],
  none: ["This item never moved.", "该商品还没有库存变动。"],
});

const TONES = 7; // the last one is for all others
const ALL_STORES = "*";

export function Rights({ item, names }) {
  const name = useName(item);
  const pages = usePages(`${path`/v1/rights/${item}`}?limit=100`, {
    rowsOf: (answer) => answer.locations,
    concerns: (entry) => entry.moves.some((move) => move.item === item),
  });
  return html`<h2>${t("title", { item: name })}</h2>
    <${Read} reading=${pages}>${(answer) => pages.rows.length === 0
      ? html`<${Empty}>${t("none")}<//>`
      : html`<${Holders} answer=${answer} pages=${pages} names=${names} item=${item} />`}<//>`;
}

/** The parts of holders, the largest first; those past the tones of the picture together. */
export function partsOf(holders) {
  const all = Object.entries(holders).map(([name, one]) => ({ name, value: one.rights })).filter((one) => one.value > 0);
  all.sort((a, b) => b.value - a.value);
  if (all.length <= TONES) return all;
  const rest = all.slice(TONES).reduce((sum, one) => sum + one.value, 0);
  return [...all.slice(0, TONES), { name: ALL_STORES, value: rest }];
}

function Holders({ answer, pages, names, item }) {
  const { totals, unit } = answer;
  const parts = partsOf(totals.holders);
  const toneOf = new Map(parts.map((part, index) => [part.name, index]));
  const shown = parts.map((part) => ({ ...part, name: part.name === ALL_STORES ? t("others") : part.name, tone: toneOf.get(part.name) }));
  return html`
    <div class="figures">
      <${Figure} name=${t("onHand")} value=${quantity(totals.on_hand, unit)} />
      <${Figure} name=${t("reserved")} value=${quantity(totals.reserved, unit)} />
      ${totals.quarantined > 0 && html`<${Figure} name=${t("quarantined")} value=${quantity(totals.quarantined, unit)} />`}
      ${totals.breach > 0 && html`<${Figure} name=${t("breach")} value=${quantity(totals.breach, unit)} isBad=${true} />`}
    </div>
    <${Bar} label=${t("total")} parts=${shown} />
    <${Table} caption=${t("caption")} rows=${pages.rows} rowKey=${(row) => row.location} columns=${[
      { name: t("location"), isWide: true, cell: (row) => html`<a href=${to`/explain/${row.location}/${item}`}>${placeName(names, row.location)}</a> <small class="id">${row.location}</small>` },
      { name: t("onHand"), isNumber: true, cell: (row) => quantity(row.on_hand, unit) },
      { name: t("reserved"), isNumber: true, cell: (row) => quantity(row.reserved, unit) },
      { name: t("holders"), cell: (row) => html`<${Stack} holders=${row.holders} toneOf=${toneOf} unit=${unit} />` },
      { name: t("breach"), isNumber: true, cell: (row) => (row.breach ? html`<span class="pill bad">${quantity(row.breach, unit)}</span>` : "–") },
    ]}><${More} pages=${pages} /><//>`;
}

/** The holders at one location: a bar for the eye, and the figures. */
function Stack({ holders, toneOf, unit }) {
  const parts = Object.entries(holders).map(([name, one]) => ({ name, value: one.rights })).filter((one) => one.value !== 0);
  const total = parts.reduce((sum, one) => sum + Math.max(0, one.value), 0);
  let x = 0;
  return html`<svg class="stack" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">
      ${total > 0 && parts.map((one) => {
        const width = (Math.max(0, one.value) / total) * 200, from = x;
        x += width;
        return html`<rect x=${from} y="0" width=${width} height="12" class=${`tone-${toneOf.get(one.name) ?? TONES}`} />`;
      })}
    </svg>
    <span class="small">${parts.map((one) => `${one.name} ${quantity(one.value, unit)}`).join(" · ")}</span>`;
}
