// What a change of a document would do: its fields, and what they change for rights, prices and stock.

import { html, useEffect, useRef } from "../shell/view.mjs";
import { number, words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { Changes } from "../widgets/changes.mjs";
import { Named } from "../widgets/names.mjs";
import { Table } from "../widgets/table.mjs";

const t = words({
  title: ["What the change does", "更改的影响"],
  none: ["It changes no rights, prices or quantities now.", "目前不影响可承诺量、价格或可售量。"],
  rights: [{ one: "Units that may be promised online: {n} change", other: "Units that may be promised online: {n} changes" }, "线上可承诺量：{n} 处变化"],
  prices: [{ one: "Prices: {n} change", other: "Prices: {n} changes" }, "价格：{n} 处变化"],
  sellable: [{ one: "Units that can be sold: {n} change", other: "Units that can be sold: {n} changes" }, "可售量：{n} 处变化"],
  capped: ["There are more than these.", "仅列出部分。"],
  goods: ["Goods", "商品"],
  location: ["Location", "地点"],
  where: ["Where", "范围"],
  now: ["Now", "现在"],
  then: ["Then", "之后"],
  difference: ["Difference", "差异"],
  store: ["the store knows", "由门店计算"],
  noPrice: ["no price", "无价格"],
  chain: ["chain", "全链"],
  stores: [{ one: "{n} store", other: "{n} stores" }, "{n} 家门店"],
});

const SHOWN = 20;

const units = (value) => (value === null ? t("store") : number(value));
const signed = (value) => (value === null ? "–" : number(value, { signDisplay: "exceptZero" }));
const amount = (price) => (price === null ? t("noPrice") : money(price.amount, price.currency));

export function Preview({ before, after, answer, write, isWriting, label }) {
  const button = useRef(null);
  useEffect(() => button.current?.focus(), []);
  const { rights, prices, sellable } = answer;
  const isNone = !rights.total && !prices.total && !sellable.total;
  return html`<section class="preview"><h2>${t("title")}</h2>
    <${Changes} before=${before} after=${after ?? undefined} />
    ${isNone && html`<p>${t("none")}</p>`}
    <${Part} caption=${t("rights", { n: rights.total })} changes=${rights} rowKey=${(row) => `${row.location} ${row.item}`} columns=${[
      { name: t("goods"), isWide: true, cell: (row) => html`<${Named} id=${row.item} />` },
      { name: t("location"), cell: (row) => row.location },
      { name: t("now"), isNumber: true, cell: (row) => units(row.now) },
      { name: t("then"), isNumber: true, cell: (row) => units(row.then) },
      { name: t("difference"), isNumber: true, cell: (row) => signed(row.difference) },
    ]} />
    <${Part} caption=${t("prices", { n: prices.total })} changes=${prices} rowKey=${(row) => `${row.sku} ${row.rank} ${row.at} ${row.time_zone}`} columns=${[
      { name: t("goods"), isWide: true, cell: (row) => html`<${Named} id=${row.sku} />` },
      { name: t("where"), cell: (row) => `${row.at || t("chain")} (${t("stores", { n: row.locations })})` },
      { name: t("now"), isNumber: true, cell: (row) => amount(row.now) },
      { name: t("then"), isNumber: true, cell: (row) => amount(row.then) },
    ]} />
    <${Part} caption=${t("sellable", { n: sellable.total })} changes=${sellable} rowKey=${(row) => `${row.location} ${row.sku}`} columns=${[
      { name: t("goods"), isWide: true, cell: (row) => html`<${Named} id=${row.sku} />` },
      { name: t("location"), cell: (row) => row.location },
      { name: t("now"), isNumber: true, cell: (row) => units(row.now) },
      { name: t("then"), isNumber: true, cell: (row) => units(row.then) },
    ]} />
    <button type="button" ref=${button} disabled=${isWriting} aria-busy=${isWriting} onClick=${write}>${label}</button>
  </section>`;
}

function Part({ caption, changes, columns, rowKey }) {
  if (changes.total === 0) return null;
  return html`<${Table} caption=${caption} rows=${changes.rows.slice(0, SHOWN)} rowKey=${rowKey} columns=${columns}>
    ${(changes.is_capped || changes.rows.length > SHOWN) && html`<p class="small">${t("capped")}</p>`}<//>`;
}
