// One till receipt: what was sold or came back under its number, and what became of it later.

import { html } from "../shell/view.mjs";
import { withQuery } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { usePages } from "../shell/reading.mjs";
import { kindText, nodeOf } from "./accounts.mjs";
import { Why } from "./explain.mjs";
import { Named } from "./names.mjs";
import { Empty, More, Read, When } from "./states.mjs";
import { Table } from "./table.mjs";
import { quantity } from "./units.mjs";

const t = words({
  none: ["This node knows no receipt {number} at {location}.", "本节点没有 {location} 的小票 {number}。"],
  again: ["Several sales have this number: tills may use a number again.", "多笔销售使用该小票号：收银台可能重复使用小票号。"],
  lines: ["Goods", "商品"],
  item: ["Goods", "商品"],
  quantity: ["Quantity", "数量"],
  amount: ["Amount", "金额"],
  total: ["Total", "合计"],
  saved: ["{amount} saved", "已优惠 {amount}"],
  question: ["This return does not fit its sale. Look whether goods and receipt belong together.", "该退货与原单不符，请核对商品与小票。"],
  by: ["recorded by {node}", "记录者：{node}"],
});

/** `location`: empty where the node has only one. `links`: `{sku(sku), explain(location, item), receipt(location, number)}`. */
export function TillReceipt({ number, location = "", links }) {
  const pages = usePages(withQuery("/v1/till_receipts", { number, location, limit: 50 }), {
    rowsOf: (answer) => answer.entries,
    cursorName: "before",
    keyOf: (entry) => entry.hash,
    concerns: (entry) => entry.reference === number || entry.facts.original === number,
  });
  const others = { ...links, receipt: (place, name) => (name === number ? undefined : links.receipt(place, name)) };
  return html`<${Read} reading=${pages}>${(answer) => html`
    ${pages.rows.length === 0 && html`<${Empty}>${t("none", { number, location: answer.location })}<//>`}
    ${pages.rows.filter((entry) => entry.kind === "sale").length > 1 && html`<p class="offline">${t("again")}</p>`}
    ${pages.rows.map((entry) => html`<${Entry} key=${entry.hash} entry=${entry} links=${others} />`)}
    <${More} pages=${pages} />`}<//>`;
}

function Entry({ entry, links }) {
  const priced = new Map((entry.quote?.lines ?? []).map((line) => [line.sku, line]));
  const amountOf = ({ sku }) => {
    const line = priced.get(sku);
    return line ? money(line.net_amount, line.price.currency) : "–";
  };
  return html`<section class="card">
    <h2>${kindText(entry.kind)} <small><${When} at=${entry.at} /></small></h2>
    <p class="small"><${Why} entry=${entry} links=${links} /> ${t("by", { node: nodeOf(entry.writer) })}</p>
    ${entry.lines.length > 0
      ? html`<${Table} caption=${t("lines")} rows=${entry.lines} rowKey=${(line) => line.sku} columns=${[
          { name: t("item"), isWide: true, cell: (line) => html`<${Named} id=${line.sku} href=${links.sku(line.sku)} />` },
          { name: t("quantity"), isNumber: true, cell: (line) => quantity(line.quantity, entry.units[line.sku]) },
          ...(priced.size ? [{ name: t("amount"), isNumber: true, cell: amountOf }] : []),
        ]} />`
      : entry.moves.length > 0 && html`<${Table} caption=${t("lines")} rows=${entry.moves} rowKey=${(move) => `${move.item} ${move.source} ${move.target}`} columns=${[
          { name: t("item"), isWide: true, cell: (move) => html`<${Named} id=${move.item} href=${links.explain(entry.scope, move.item)} />` },
          { name: t("quantity"), isNumber: true, cell: (move) => quantity(move.quantity, entry.units[move.item]) },
        ]} />`}
    ${entry.facts.question && html`<p class="offline">${t("question")}</p>`}
    ${(entry.quote?.totals ?? []).map((total) => html`<p><strong>${t("total")}: ${money(total.net_amount, total.currency)}</strong>
      ${total.discount_amount > 0 && html` <small>${t("saved", { amount: money(total.discount_amount, total.currency) })}</small>`}</p>`)}
  </section>`;
}
