// Why a number is what it is: the cells that add up to it, by node and by cause, and the movements behind them.
//
// `GET /v1/explain/…` of stores and hubs has both. A figure is the sum over all cells of the units that each moved, with
// the sign that its route has for the figure. So the table below adds up to the figure, on every node that has the cells.

import { html, useState } from "../shell/view.mjs";
import { number, words } from "../shell/language.mjs";
import { usePages } from "../shell/reading.mjs";
import { accountText, causeText, effect, kindText, nodeOf, FIGURES } from "./accounts.mjs";
import { eventText } from "./orders.mjs";
import { More, Read, When } from "./states.mjs";
import { Table } from "./table.mjs";
import { quantity } from "./units.mjs";

const t = words({
  figure: ["Figure", "指标"],
  on_hand: ["On hand", "现货"],
  reserved: ["Reserved", "预占"],
  quarantined: ["Quarantined", "隔离"],
  available: ["Available", "可售"],
  rights: ["{node} may promise", "{node} 可承诺"],
  sum: [
    "{figure}: {n}. This is the sum of these causes, by the node that recorded them:",
    "{figure}：{n}，由以下各原因相加得出（按记录节点）：",
  ],
  cause: ["Cause", "原因"],
  total: ["Sum", "合计"],
  nothing: ["Nothing has changed this figure yet, so it is 0.", "尚无任何变动，因此为 0。"],
  movements: ["Movements, newest first", "库存流水（最新在前）"],
  caption: ["Entries of the journal that changed it", "引起变动的记录"],
  all: ["Also those that do not change this figure", "同时显示不影响该指标的流水"],
  when: ["When", "时间"],
  what: ["What", "类型"],
  change: ["Change", "变动"],
  who: ["Recorded by", "记录者"],
  why: ["Why", "依据"],
  receipt: ["receipt {number}", "小票 {number}"],
  till: ["till {till}", "收银台 {till}"],
  order: ["order {order}", "订单 {order}"],
  delivery: ["delivery note {number}", "送货单 {number}"],
  reference: ["reference {number}", "单号 {number}"],
  counted: ["counted {n}", "实盘 {n}"],
  breach: ["{n} past the rights", "超出可承诺量 {n}"],
  original: ["returned sale: receipt {number}", "原小票 {number}"],
  details: ["Entry", "记录详情"],
  moved: ["{n} from {from} to {to}", "{n}：{from} → {to}"],
  none: ["No movement changed this figure.", "没有影响该指标的流水。"],
});

/**
 * `url`: the explain call of one item at one location. `figure` and `choose`: which figure, and how it is changed.
 * `node`: the node that answers, whose rights are a figure too. `links`: `{order(name), receipt(location, number)}` give
 * the address of an order, and of a till receipt.
 */
export function Explain({ url, figure, choose, node = "", links }) {
  const pages = usePages(url, {
    rowsOf: (answer) => answer.movements,
    concerns: (entry) => entry.moves.length > 0,
    cursorName: "before",
    keyOf: (entry) => entry.hash,
  });
  return html`<div class="chips" role="toolbar" aria-label=${t("figure")}>
      ${FIGURES.filter((name) => name !== "rights" || node).map((name) => html`<button type="button" class="chip"
        aria-pressed=${name === figure} onClick=${() => choose(name)}>${t(name, { node })}</button>`)}
    </div>
    <${Read} reading=${pages}>${(answer) => html`
      <${Sum} stock=${answer.stock} cells=${answer.cells} figure=${figure} node=${node} />
      <${Movements} pages=${pages} stock=${answer.stock} figure=${figure} node=${node} links=${links} />`}<//>`;
}

/** The cells as `[{cause, byNode, total}]`, largest first. */
export function summed(cells, figure, node = "") {
  const causes = new Map();
  for (const { writer, source, target, total } of cells) {
    const units = effect(figure, source, target, node) * total;
    if (!units) continue;
    const cause = causeText(source, target), by = nodeOf(writer);
    const row = causes.get(cause) ?? { cause, byNode: new Map(), total: 0 };
    row.byNode.set(by, (row.byNode.get(by) ?? 0) + units);
    row.total += units;
    causes.set(cause, row);
  }
  return [...causes.values()].sort((one, other) => other.total - one.total);
}

function Sum({ stock, cells, figure, node }) {
  const rows = summed(cells, figure, node);
  const nodes = [...new Set(rows.flatMap((row) => [...row.byNode.keys()]))].sort();
  const all = rows.reduce((sum, row) => sum + row.total, 0);
  const text = (value) => (value ? quantity(value, stock.unit, { isSigned: true }) : "–");
  if (!rows.length) return html`<p class="empty">${t("nothing")}</p>`;
  const of = (node) => rows.reduce((sum, row) => sum + (row.byNode.get(node) ?? 0), 0);
  const summary = { cause: t("total"), total: all, isSum: true, byNode: new Map(nodes.map((by) => [by, of(by)])) };
  return html`<${Table} caption=${t("sum", { figure: t(figure, { node }), n: quantity(stock[figure], stock.unit) })}
    rows=${[...rows, summary]} rowKey=${(row) => row.cause} columns=${[
      { name: t("cause"), isWide: true, cell: (row) => (row.isSum ? html`<strong>${row.cause}</strong>` : row.cause) },
      ...nodes.map((by) => ({ name: by, isNumber: true, cell: (row) => text(row.byNode.get(by)) })),
      { name: t("total"), isNumber: true, cell: (row) => html`<strong>${
        row.isSum ? quantity(row.total, stock.unit) : text(row.total)}</strong>` },
    ]} />`;
}

/** By how much an entry changes a figure of an item. */
export const changeOf = (entry, item, figure, node = "") =>
  entry.moves
    .filter((move) => move.item === item)
    .reduce((sum, move) => sum + effect(figure, move.source, move.target, node) * move.quantity, 0);

function Movements({ pages, stock, figure, node, links }) {
  const [isAll, setAll] = useState(false);
  const { item, unit } = stock;
  const rows = pages.rows
    .map((entry) => ({ entry, change: changeOf(entry, item, figure, node) }))
    .filter((row) => isAll || row.change);
  return html`<h2>${t("movements")}</h2>
    <label class="check">
      <input type="checkbox" checked=${isAll} onChange=${(event) => setAll(event.target.checked)} /> ${t("all")}
    </label>
    ${rows.length === 0 && html`<p class="empty">${t("none")}</p>`}
    ${rows.length > 0 && html`<${Table} caption=${t("caption")} rows=${rows} rowKey=${(row) => row.entry.hash} columns=${[
      { name: t("what"), isWide: true, cell: ({ entry }) => kindText(entry.kind) },
      { name: t("when"), cell: ({ entry }) => html`<${When} at=${entry.at} />` },
      { name: t("change"), isNumber: true, cell: ({ change }) => html`<strong class=${change < 0 ? "less" : "more-units"}>${
        change ? quantity(change, unit, { isSigned: true }) : "–"}</strong>` },
      { name: t("why"), isLong: true, cell: ({ entry }) => html`<${Why} entry=${entry} item=${item} unit=${unit} links=${links} />` },
      { name: t("who"), cell: ({ entry }) => nodeOf(entry.writer) },
      { name: t("details"), cell: ({ entry }) => html`<${Details} entry=${entry} item=${item} unit=${unit} />` },
    ]} />`}
    <${More} pages=${pages} />`;
}

/** What an entry refers to: receipt and till, order, delivery note, reason. */
export function Why({ entry, item, unit, links }) {
  const { kind, actor, reason, reference, facts } = entry;
  const parts = [];
  if (kind === "order") {
    parts.push(linked(t("order", { order: reference }), links?.order?.(reference)));
  } else if (reference) {
    const text = t({ sale: "receipt", return: "receipt", receipt: "delivery" }[kind] ?? "reference", { number: reference });
    parts.push(kind === "sale" || kind === "return" ? linked(text, links?.receipt?.(entry.scope, reference)) : text);
  }
  if (facts.original) parts.push(linked(t("original", { number: facts.original }), links?.receipt?.(entry.scope, facts.original)));
  if (actor) parts.push(kind === "sale" || kind === "return" ? t("till", { till: actor }) : actor);
  const counted = (facts.count ?? []).find(([one]) => one === item);
  if (counted) parts.push(t("counted", { n: quantity(counted[1], unit) }));
  for (const [one, , why] of facts.adjusted ?? []) if (one === item && why) parts.push(reasonText(why));
  if (reason) parts.push(kind === "order" ? eventText(reason) : reasonText(reason));
  const breach = facts.breach?.[item];
  if (breach) parts.push(html`<span class="pill bad">${t("breach", { n: quantity(breach, unit) })}</span>`);
  return html`<span class="why-parts">${parts.map((part) => html`<span>${part}</span>`)}</span>`;
}

const linked = (text, href) => (href ? html`<a href=${href}>${text}</a>` : text);

function Details({ entry, item, unit }) {
  return html`<details class="entry"><summary>${number(entry.sequence)}</summary>
    <ul>${entry.moves.filter((move) => move.item === item).map((move) => html`<li>${t("moved", {
      n: quantity(move.quantity, unit), from: accountText(move.source), to: accountText(move.target) })}</li>`)}</ul>
    <p class="small mono">${entry.writer} · ${entry.scope} · ${entry.hash}</p>
    <p class="small mono">${entry.key}</p>
  </details>`;
}

const reasons = words({
  policy: ["by the policy", "按分配策略"],
  breach: ["to settle what was sold past the rights", "用于结清超卖"],
  want: ["because that node asked", "应对方请求"],
  damaged: ["damaged", "破损"],
  "past-date": ["past its date", "过期"],
  stolen: ["stolen", "被盗"],
  "own-use": ["used in the store", "门店自用"],
  found: ["found", "盘盈"],
  other: ["another reason", "其他原因"],
  quarantine: ["put aside for a check", "隔离待检"],
  restock: ["back on the shelf", "重新上架"],
});

/** A reason in words; other texts as they were written. */
export const reasonText = (reason) => reasons.of(reason, reason);
