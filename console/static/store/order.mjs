// One order as this store sees it: its parts, their goods, and their history.

import { html } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { moment, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { eventText, Goods, State, stateText } from "../widgets/orders.mjs";
import { Empty, Read } from "../widgets/states.mjs";
import { nodeStatus } from "./node.mjs";
import { Steps } from "./order_steps.mjs";

const t = words({
  title: ["Order {order}", "订单 {order}"],
  placed: ["placed {time}", "下单 {time}"],
  customer: ["customer {customer}", "顾客 {customer}"],
  channel: ["from {channel}", "渠道 {channel}"],
  at: ["at {location}", "位于 {location}"],
  decides: ["{node} decides", "由 {node} 处理"],
  until: ["held until {time}", "预留至 {time}"],
  duplicate: ["placed twice: this part is taken back", "重复下单：该部分将被撤销"],
  history: ["History", "历史"],
  goods: ["Goods", "商品"],
  none: ["None of its goods are here.", "本店没有该订单的商品。"],
  waiting: ["“{event}” waits since {time}.", "“{event}”自 {time} 起等待处理。"],
  report: ["“{event}” had no effect ({outcome}), {time}.", "“{event}”未生效（{outcome}），{time}。"],
  returned: ["the goods are at {location}", "商品位于 {location}"],
  became: ["then: {state}", "之后：{state}"],
});

export default function OrderPage({ order }) {
  const concerns = (entry) => entry.kind === "order" && entry.reference === order;
  const reading = useReading(path`/v1/orders/${order}`, { concerns });
  return html`<h1>${t("title", { order })}</h1>
    <${Read} reading=${reading}>${(answer) => html`
      <p class="title-row"><${State} state=${answer.state} /> <span class="small">${[
        answer.placed_at && t("placed", { time: moment(answer.placed_at) }),
        answer.customer && t("customer", { customer: answer.customer }),
        answer.channel && t("channel", { channel: answer.channel })].filter(Boolean).join(" · ")}</span></p>
      ${answer.waiting.map((one) => html`<p class="offline">${t("waiting", {
        event: eventText(one.event), time: moment(one.since) })}</p>`)}
      ${answer.reports.map((one) => html`<p class="failed">${t("report", {
        event: eventText(one.event), outcome: one.outcome, time: moment(one.at) })}</p>`)}
      ${answer.fulfilments.length === 0 && html`<${Empty}>${t("none")}<//>`}
      ${answer.fulfilments.map((one) => html`<${Fulfilment} key=${one.id} order=${order} fulfilment=${one} />`)}`}<//>`;
}

function Fulfilment({ order, fulfilment }) {
  const { id, location, owner, state, lines, history } = fulfilment;
  const isOurs = owner === nodeStatus.value?.node;
  return html`<section class="card">
    <p class="title-row"><strong>${id}</strong> <${State} state=${state} />
      <span class="small">${[t("at", { location }), t("decides", { node: owner }),
        fulfilment.expires_at && t("until", { time: moment(fulfilment.expires_at) })].filter(Boolean).join(" · ")}</span></p>
    ${fulfilment.is_duplicate && html`<p class="offline">${t("duplicate")}</p>`}
    <div class="columns">
      <div><h2>${t("goods")}</h2><${Goods} lines=${lines} />
        ${isOurs && html`<${Steps} order=${order} fulfilment=${fulfilment} />`}</div>
      <div><h2>${t("history")}</h2><ol class="history">${history.map((past) => html`<li key=${past.movement}>
        <strong>${eventText(past.event)}</strong> <small>${moment(past.at)}</small><br />
        <small>${t("became", { state: stateText(past.state) })}${
          past.goods_at && ` · ${t("returned", { location: past.goods_at })}`}</small></li>`)}</ol></div>
    </div>
  </section>`;
}
