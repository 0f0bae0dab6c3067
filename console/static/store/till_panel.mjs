// The side of the till: what is to be paid, the choices of the open mode, and the button that finishes.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { may } from "../shell/session.mjs";
import { ChoiceField, TextField } from "../widgets/fields.mjs";
import { Failed } from "../widgets/states.mjs";
import { basket, change, DAY_S, empty, isReady, nameTill, till } from "./basket.mjs";
import { Shortage } from "./shortage.mjs";

const t = words({
  toPay: ["To pay", "应付"],
  toRefund: ["At the price of today", "按今日价格"],
  saved: ["{amount} saved", "已优惠 {amount}"],
  tax: ["without tax", "未税"],
  cash: ["{amount} in cash", "现金 {amount}"],
  noQuote: ["The price is not known. The sale counts without it.", "价格未知。销售仍会计入。"],
  sell: ["Sell", "销售"],
  return: ["Take back", "退货"],
  hold: ["Hold", "预留"],
  again: ["Send again", "重新发送"],
  sending: ["Sending …", "发送中……"],
  promise: ["The customer does not have the goods yet", "商品尚未交到顾客手中"],
  promiseHint: ["Then the sale is refused if this store may not promise them.", "本店可承诺数量不足时，将拒绝销售。"],
  original: ["Receipt of the sale", "原小票号"],
  originalHint: ["Scan it, if the customer has it. What left with that sale comes back.", "顾客持有小票时请扫描。将按该笔销售原路退回。"],
  disposition: ["Where the goods go", "退回商品去向"],
  quarantine: ["Aside, for a check", "隔离待检"],
  restock: ["Back on the shelf", "直接上架"],
  customer: ["Number of the customer", "顾客编号"],
  customerHint: ["A card or slip number. No name and no telephone number.", "会员卡号或预留单号。请勿填写姓名或电话。"],
  ttl: ["How long", "预留时长"],
  minutes: ["15 minutes", "15 分钟"],
  hours: ["2 hours", "2 小时"],
  day: ["1 day", "1 天"],
  days: ["3 days", "3 天"],
  till: ["Name of this till", "收银台名称"],
  unknown: [
    "No answer came, so nobody knows yet whether it counts. Send it again: it is the same request and counts once.",
    "未收到应答，暂不确定是否已计入。请重新发送：同一请求只会计入一次。",
  ],
  giveUp: ["Do not send it again", "不再发送"],
  clear: ["Empty the basket", "清空"],
});

const TTLS = [[900, "minutes"], [7_200, "hours"], [DAY_S, "day"], [3 * DAY_S, "days"]];

export function TillPanel({ mode, quote, writing, isUnknown, finish, leave }) {
  const submit = (event) => {
    event.preventDefault();
    finish();
  };
  const giveUp = () => {
    writing.clear();
    empty();
    leave();
  };
  const isLocked = isUnknown || writing.isSending;
  const choices = html`<fieldset disabled=${isLocked}><${Choices} mode=${mode} /></fieldset>`;
  return html`<form class="card till-panel" onSubmit=${submit} novalidate>
    <${Totals} quote=${quote} mode=${mode} />
    ${mode !== "sell" && choices}
    ${writing.problem && (writing.problem.kind === "insufficient-rights"
      ? html`<${Shortage} problem=${writing.problem} mode=${mode} />`
      : html`<${Failed} problem=${writing.problem} />`)}
    ${isUnknown && writing.isUnreached && html`<p class="offline" role="alert">${t("unknown")}</p>`}
    <button type="submit" class="finish" disabled=${!isReady.value || writing.isSending || !may(mode)}
      aria-busy=${writing.isSending}>${writing.isSending ? t("sending") : isUnknown ? t("again") : t(mode)}</button>
    ${isUnknown
      ? html`<button type="button" class="quiet" onClick=${giveUp}>${t("giveUp")}</button>`
      : basket.value.lines.length > 0 && html`<button type="button" class="quiet" onClick=${giveUp}>${t("clear")}</button>`}
    ${mode === "sell" && choices}
  </form>`;
}

function Totals({ quote, mode }) {
  if (mode === "hold") return null;
  if (quote.failed) return html`<p class="offline">${t("noQuote")}</p>`;
  return (quote.answer?.totals ?? []).map((total) => html`<div class="total">
    <span class="figure-name">${t(mode === "return" ? "toRefund" : "toPay")}${!total.tax_inclusive && ` (${t("tax")})`}</span>
    <strong>${money(total.net_amount, total.currency)}</strong>
    ${total.discount_amount > 0 && html`<small>${t("saved", { amount: money(total.discount_amount, total.currency) })}</small>`}
    ${total.cash_amount !== total.net_amount && html`<small>${t("cash", { amount: money(total.cash_amount, total.currency) })}</small>`}
  </div>`);
}

function Choices({ mode }) {
  const { original, disposition, isPromise, customer, ttl } = basket.value;
  if (mode === "return") {
    return html`
      <${TextField} label=${t("original")} hint=${t("originalHint")} value=${original} autocomplete="off"
        set=${(text) => change({ original: text.trim() })} />
      <${ChoiceField} label=${t("disposition")} value=${disposition} set=${(value) => change({ disposition: value })}
        options=${[["quarantine", t("quarantine")], ["restock", t("restock")]]} />
      <${TillName} />`;
  }
  if (mode === "hold") {
    return html`
      <${TextField} label=${t("customer")} hint=${t("customerHint")} value=${customer} autocomplete="off"
        set=${(text) => change({ customer: text })} />
      <${ChoiceField} label=${t("ttl")} value=${ttl} set=${(value) => change({ ttl: Number(value) })}
        options=${TTLS.map(([seconds, name]) => [seconds, t(name)])} />`;
  }
  return html`
    <label class="check"><input type="checkbox" checked=${isPromise}
      onChange=${(event) => change({ isPromise: event.target.checked })} /> ${t("promise")}</label>
    <p class="small">${t("promiseHint")}</p>
    <${TillName} />`;
}

const TillName = () => html`<details class="till-name"><summary>${till.value}</summary>
  <${TextField} label=${t("till")} value=${till.value} maxlength="64" set=${(text) => nameTill(text.trim() || "till-1")} /></details>`;
