// What became of a basket: the receipt, what is left, and in plain words what was past the rights of the store.

import { html } from "../shell/view.mjs";
import { moment, words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { to } from "../shell/route.mjs";
import { Named } from "../widgets/names.mjs";
import { quantity } from "../widgets/units.mjs";
import { isAway, nodeStatus } from "./node.mjs";

const t = words({
  sell: ["Sold", "销售完成"],
  return: ["Taken back", "退货完成"],
  hold: ["Held for the customer", "已为顾客预留"],
  receipt: ["Receipt {number}", "小票号 {number}"],
  until: ["until {time}", "至 {time}"],
  order: ["Order {order}", "订单 {order}"],
  left: ["{n} left here", "本店余 {n}"],
  gone: ["the book says none is left", "账面已无库存"],
  breach: [
    "{n} of these were not this store's to promise: they may be sold online. The customer has them, so the sale counts. Headquarters gives the rights back by itself.",
    "其中 {n} 超出本店可承诺数量（可能在线上售出）。商品已交顾客，销售有效。总部将自动补回可承诺量。",
  ],
  breachAway: [
    "{n} of these were not this store's to promise: they may be sold online. The customer has them, so the sale counts. It settles when headquarters is back.",
    "其中 {n} 超出本店可承诺数量（可能在线上售出）。商品已交顾客，销售有效。待总部恢复联系后自动结清。",
  ],
  below: [
    "The book had fewer than you sold. The sale counts. Count the shelf when there is time.",
    "账面数量少于实际售出。销售有效。有空时请盘点货架。",
  ],
  count: ["Count {name}", "盘点 {name}"],
  "past-sale": [
    "More came back than this receipt sold. The return counts, and somebody should look at it.",
    "退回数量超过该小票的销售数量。退货有效，请人工核查。",
  ],
  "several-sales": [
    "Several sales have this receipt number, so it is not clear which one came back. The return counts.",
    "多笔销售使用同一小票号，无法确定原单。退货有效。",
  ],
  "recipe-unknown": [
    "The sale is too old to know what exactly left with it. The return counts by what the goods are today.",
    "原销售过早，无法确定当时的组成。按当前商品组成退回。",
  ],
  "often-used": ["Too many entries name this receipt. The return counts.", "引用该小票的记录过多。退货有效。"],
});

export function Outcome({ outcome }) {
  const { mode, answer, number } = outcome;
  const total = answer.quote?.totals[0];
  return html`<section class="outcome" role="status" aria-live="polite">
    <p class="outcome-title"><strong>${t(mode)}</strong>
      ${mode !== "hold" && total && html`<strong class="number">${money(total.net_amount, total.currency)}</strong>`}</p>
    ${mode === "hold"
      ? html`<p><a href=${to`/orders/${answer.order}`}>${t("order", { order: answer.order })}</a>
          ${answer.expires_at && html` · ${t("until", { time: moment(answer.expires_at) })}`}</p>`
      : html`<p class="small">${t("receipt", { number })}</p>`}
    ${answer.question && html`<p class="offline">${t.of(answer.question.reason, answer.question.reason)}</p>`}
    <ul>${(answer.lines ?? outcome.lines).map((line) => html`<${OutcomeLine} key=${line.sku} line=${line} outcome=${outcome} />`)}</ul>
  </section>`;
}

function OutcomeLine({ line, outcome }) {
  const unit = outcome.lines.find((one) => one.sku === line.sku)?.unit;
  const isAwayNow = nodeStatus.value && isAway(nodeStatus.value);
  return html`<li>
    <span class="number">${quantity(line.quantity, unit)}</span>
    <${Named} id=${line.sku} />
    ${line.available !== undefined && html`<a class="left" href=${to`/items/${line.sku}`}>
      ${line.available > 0 ? t("left", { n: quantity(line.available, unit) }) : t("gone")}</a>`}
    ${line.breach > 0 && html`<p class="offline breach">
      ${line.available < 0 ? t("below") : t(isAwayNow ? "breachAway" : "breach", { n: quantity(line.breach, unit) })}
      ${line.available < 0 && html` <a href=${to`/count/${line.sku}`}>${t("count", { name: line.sku })}</a>`}</p>`}
  </li>`;
}
