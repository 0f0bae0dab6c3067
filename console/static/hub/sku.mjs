// One SKU over all locations: how many can be sold, who may promise them, and what it costs where.

import { html } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { named, number, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { Figure } from "../widgets/bar.mjs";
import { Named } from "../widgets/names.mjs";
import { Empty, Read } from "../widgets/states.mjs";
import { Span, SpanKey } from "../widgets/span.mjs";
import { Table } from "../widgets/table.mjs";
import { since } from "./locations.mjs";
import { placeName, usePlaceNames } from "./place_names.mjs";
import { Price } from "./sku_price.mjs";
import { Rights } from "./sku_rights.mjs";

const t = words({
  all: ["All SKUs", "全部商品"],
  sellable: ["Can be sold now", "当前可售"],
  sure: ["Guaranteed", "保证量"],
  hoped: ["Optimistic", "乐观量"],
  at: ["Locations with it", "有货地点"],
  recipe: ["Takes", "构成"],
  barcodes: ["Barcodes", "条码"],
  status: ["Status", "状态"],
  active: ["sold now", "在售"],
  ended: ["ended", "已停售"],
  unit: ["Unit", "单位"],
  availability: ["Availability by location", "各地点可售量"],
  count: [{ one: "{n} location", other: "{n} locations" }, "{n} 个地点"],
  location: ["Location", "地点"],
  interval: ["Interval", "区间"],
  asOf: ["As of", "截至"],
  explain: ["Explain", "来源"],
  none: ["No location ever had it.", "还没有地点有过该商品。"],
  document: ["Its document", "商品主数据"],
  prices: ["Its prices", "价格主数据"],
});

export default function SkuPage({ sku }) {
  const document = useReading(path`/v1/documents/sku/${sku}`, { concerns: (entry) => entry.facts.key === sku });
  const recipe = document.answer?.value?.recipe;
  const items = Object.keys(recipe ?? { [sku]: 1 });
  const moved = (entry) => entry.moves.some((move) => items.includes(move.item));
  const availability = useReading(path`/v1/availability/${sku}`, { concerns: moved, everyMs: 10_000 });
  const names = usePlaceNames();
  const value = document.answer?.value;
  return html`<p class="trail"><a href="#/skus">${t("all")}</a></p>
    <h1>${named(value?.names, sku)} <small class="id">${sku}</small></h1>
    <${Read} reading=${availability}>${(answer) => html`
      <div class="figures">
        <${Figure} name=${t("sellable")} value=${`${number(answer.guaranteed)} – ${number(answer.optimistic)}`} />
        <${Figure} name=${t("at")} value=${number(answer.locations.filter((one) => one.optimistic > 0).length)} />
      </div>
      <div class="columns">
        <section class="card"><${Price} sku=${sku} locations=${answer.locations.map((one) => one.location)} names=${names} /></section>
        <section class="card"><${Facts} sku=${sku} value=${value} /></section>
      </div>
      <${Locations} answer=${answer} item=${items[0]} names=${names} />
      ${items.map((item) => html`<${Rights} key=${item} item=${item} names=${names} />`)}`}<//>`;
}

function Facts({ sku, value }) {
  const recipe = Object.entries(value?.recipe ?? {});
  return html`<dl class="facts">
      <dt>${t("status")}</dt><dd>${t(value?.status ?? "active")}</dd>
      ${value?.unit && html`<dt>${t("unit")}</dt><dd>${value.unit}</dd>`}
      ${recipe.length > 0 && html`<dt>${t("recipe")}</dt><dd>${recipe.map(([item, units]) => html`<div>${number(units)} × <${Named} id=${item} /></div>`)}</dd>`}
      ${value?.barcodes?.length > 0 && html`<dt>${t("barcodes")}</dt><dd>${value.barcodes.join(", ")}</dd>`}
      ${Object.entries(value?.attributes ?? {}).map(([name, one]) => html`<dt>${name}</dt><dd>${String(one)}</dd>`)}
    </dl>
    <p class="links"><a href=${to`/documents/sku/${sku}`}>${t("document")}</a><a href=${to`/documents/price/${sku}`}>${t("prices")}</a></p>`;
}

function Locations({ answer, item, names }) {
  const rows = answer.locations;
  if (rows.length === 0) return html`<${Empty}>${t("none")}<//>`;
  const whole = Math.max(...rows.map((one) => one.optimistic));
  return html`<h2>${t("availability")}</h2><${SpanKey} />
    <${Table} caption=${t("count", { n: rows.length })} rows=${rows} rowKey=${(row) => row.location} columns=${[
      { name: t("location"), isWide: true, cell: (row) => html`<a href=${to`/locations/${row.location}`}>${placeName(names, row.location)}</a> <small class="id">${row.location}</small>` },
      { name: t("interval"), cell: (row) => html`<${Span} least=${row.guaranteed} most=${row.optimistic} whole=${whole} />` },
      { name: t("sure"), isNumber: true, cell: (row) => number(row.guaranteed) },
      { name: t("hoped"), isNumber: true, cell: (row) => number(row.optimistic) },
      { name: t("asOf"), cell: (row) => html`<span class="small">${since(row.as_of)}</span>` },
      { name: t("explain"), cell: (row) => html`<a href=${to`/explain/${row.location}/${item}`}>${t("explain")}</a>` },
    ]} />`;
}
