// One order: its lines and fulfilments, what happened, what waits, and what may be done now.

import { html } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { moment, number, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { Figure } from "../widgets/bar.mjs";
import { Named } from "../widgets/names.mjs";
import { eventName } from "../widgets/order_events.mjs";
import { eventText, State, stateText } from "../widgets/orders.mjs";
import { StateMachine } from "../widgets/state_machine.mjs";
import { Empty, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { since } from "./locations.mjs";
import { Actions } from "./order_actions.mjs";
import { useOrderMachine } from "./order_machine.mjs";
import { reportText, waitText } from "./order_waiting.mjs";

const t = words({
  all: ["All orders", "全部订单"],
  order: ["Order {order}", "订单 {order}"],
  placed: ["Placed", "下单时间"],
  channel: ["Channel", "渠道"],
  customer: ["Customer", "顾客"],
  expires: ["Expires", "过期时间"],
  fulfilment: ["Fulfilment {id}", "履约单 {id}"],
  at: ["Location", "地点"],
  owner: ["Decided by", "决定节点"],
  duplicate: ["duplicate, taken back", "重复下单，已冲销"],
  part: ["split off {id}", "拆自 {id}"],
  lines: ["Lines", "订单行"],
  sku: ["SKU", "商品"],
  quantity: ["Quantity", "数量"],
  history: ["History", "历史"],
  when: ["When", "时间"],
  event: ["Event", "事件"],
  after: ["State after it", "之后状态"],
  machine: ["Its way", "流转"],
  waiting: ["Waiting", "等待中"],
  reports: ["Events without an effect", "未生效的事件"],
  none: ["Only events are known here, and not the order itself. It may be on its way from another hub.", "此处只收到事件，尚未收到订单本身。它可能正从其他枢纽传来。"],
});

export default function OrderPage({ order }) {
  const reading = useReading(path`/v1/orders/${order}`, { concerns: (entry) => entry.reference === order, everyMs: 10_000 });
  const machine = useOrderMachine();
  return html`<p class="trail"><a href="#/orders">${t("all")}</a></p>
    <h1>${t("order", { order })} ${reading.answer && html`<${State} state=${reading.answer.state} />`}</h1>
    <${Read} reading=${reading}>${(answer) => html`
      <div class="figures">
        ${answer.placed_at && html`<${Figure} name=${t("placed")} value=${since(answer.placed_at)} unit=${moment(answer.placed_at)} />`}
        ${answer.channel && html`<${Figure} name=${t("channel")} value=${answer.channel} />`}
        ${answer.customer && html`<${Figure} name=${t("customer")} value=${answer.customer} />`}
      </div>
      <${Notes} answer=${answer} />
      ${answer.fulfilments.length === 0
        ? html`<${Empty}>${t("none")}<//>`
        : answer.fulfilments.map((one) => html`<${Fulfilment} key=${one.id} order=${order} one=${one} machine=${machine} />`)}`}<//>`;
}

/** What waits, and what had no effect, in words: that is why somebody opens an order. */
function Notes({ answer }) {
  return html`
    ${answer.waiting.length > 0 && html`<section class="note warn"><h2>${t("waiting")}</h2><ul class="plain">
      ${answer.waiting.map((one) => html`<li><strong>${eventName(one.event)}</strong> ${waitText(one)}</li>`)}</ul></section>`}
    ${answer.reports.length > 0 && html`<section class="note bad"><h2>${t("reports")}</h2><ul class="plain">
      ${answer.reports.map((one) => html`<li><strong>${eventName(one.event)}</strong> ${reportText(one)} <span class="small">${moment(one.at)}</span></li>`)}</ul></section>`}`;
}

function Fulfilment({ order, one, machine }) {
  const way = one.history.filter((past) => past.act !== "hand_over").map(({ state, event }) => ({ state, event }));
  return html`<section class="card">
    <h2>${t("fulfilment", { id: one.id })} <${State} state=${one.state} />
      ${one.is_duplicate && html` <span class="pill bad">${t("duplicate")}</span>`}
      ${one.part_of && html` <small>${t("part", { id: one.part_of })}</small>`}</h2>
    <div class="columns">
      <div>
        <dl class="facts">
          <dt>${t("at")}</dt><dd><a href=${to`/locations/${one.location}`}>${one.location}</a></dd>
          <dt>${t("owner")}</dt><dd>${one.owner}</dd>
          ${one.expires_at && html`<dt>${t("expires")}</dt><dd>${moment(one.expires_at)}</dd>`}
        </dl>
        ${may("order-event") && html`<${Actions} order=${order} one=${one} machine=${machine} />`}
        ${one.lines.length > 0 && html`<${Table} caption=${t("lines")} rows=${one.lines} rowKey=${(line) => line.sku} columns=${[
          { name: t("sku"), isWide: true, cell: (line) => html`<${Named} id=${line.sku} href=${to`/skus/${line.sku}`} />` },
          { name: t("quantity"), isNumber: true, cell: (line) => number(line.quantity) },
        ]} />`}
        <${Table} caption=${t("history")} rows=${one.history} rowKey=${(past) => past.movement} columns=${[
          { name: t("when"), cell: (past) => moment(past.at) },
          { name: t("event"), cell: (past) => eventText(past.event || past.act) },
          { name: t("after"), cell: (past) => stateText(past.state) },
        ]} />
      </div>
      <div>
        <h3>${t("machine")}</h3>
        <${Read} reading=${machine}>${(table) => html`<${StateMachine} table=${table} way=${way} now=${one.state} />`}<//>
      </div>
    </div>
  </section>`;
}
