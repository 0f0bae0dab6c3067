// Pickups and holds: what waits to be picked or collected in this store.

import { html, useState } from "../shell/view.mjs";
import { moment, words } from "../shell/language.mjs";
import { usePages } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Goods, State } from "../widgets/orders.mjs";
import { Steps } from "./order_steps.mjs";

const t = words({
  title: ["Pickups and holds", "自提与预留"],
  find: ["Number of the order or the customer", "订单号或顾客编号"],
  none: ["Nobody waits for goods.", "没有待取的订单。"],
  noneFits: ["No pickup has this number.", "没有匹配的订单。"],
  hold: ["Hold goods for a customer", "为顾客预留商品"],
  list: ["Pickups", "待取订单"],
  order: ["Order {order}", "订单 {order}"],
  customer: ["customer {customer}", "顾客 {customer}"],
  channel: ["from {channel}", "渠道 {channel}"],
  until: ["held until {time}", "预留至 {time}"],
});

export default function PickupsPage() {
  const [text, setText] = useState("");
  const pickups = usePages("/v1/pickups?limit=50", {
    rowsOf: (answer) => answer.pickups,
    concerns: (entry) => entry.kind === "order" || entry.kind === "void",
    keyOf: (row) => row.fulfilment.id,
  });
  const wanted = text.trim().toLowerCase();
  const fits = (row) => [row.order, row.customer, row.channel].some((one) => one.toLowerCase().includes(wanted));
  return html`<h1>${t("title")}</h1>
    <div class="tools"><div class="scan"><label for="find-pickup">${t("find")}</label>
      <input id="find-pickup" type="search" autocomplete="off" value=${text} onInput=${(event) => setText(event.target.value)} /></div>
      <a class="link-button" href="#/?do=hold">${t("hold")}</a></div>
    <${Read} reading=${pickups}>${() => {
      const rows = pickups.rows.filter(fits);
      if (!rows.length) return html`<${Empty}>${t(text ? "noneFits" : "none")}<//>`;
      return html`<ul class="cards plain" aria-label=${t("list")}>
        ${rows.map((row) => html`<${Pickup} key=${row.fulfilment.id} pickup=${row} />`)}</ul>
        <${More} pages=${pickups} />`;
    }}<//>`;
}

function Pickup({ pickup }) {
  const { order, customer, channel, fulfilment } = pickup;
  return html`<li class="card pickup">
    <p class="title-row"><a href=${to`/orders/${order}`}><strong>${t("order", { order })}</strong></a> <${State} state=${fulfilment.state} /></p>
    <p class="small">${[customer && t("customer", { customer }), channel && t("channel", { channel }),
      fulfilment.expires_at && t("until", { time: moment(fulfilment.expires_at) })].filter(Boolean).join(" · ")}</p>
    <${Goods} lines=${fulfilment.lines} />
    <${Steps} order=${order} fulfilment=${fulfilment} />
  </li>`;
}
