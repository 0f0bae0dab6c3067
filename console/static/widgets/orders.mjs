// Orders in words: states, events, and what may happen next.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { Named } from "./names.mjs";

const t = words({
  held: ["held, not paid", "已预占（未付款）"],
  reserved: ["paid", "已付款"],
  amended: ["changed", "已调整"],
  exchanged: ["exchanged", "已换货"],
  picking: ["being picked", "拣货中"],
  shipped: ["shipped", "已发货"],
  delivered: ["delivered", "已送达"],
  collected: ["collected", "已自提"],
  returned: ["returned", "已退货"],
  declined: ["declined by the location", "地点已拒单"],
  cancelled: ["cancelled", "已取消"],
  expired: ["expired", "已过期"],
  unknown: ["unknown here", "本节点未知"],
  hold: ["held", "预占"],
  reserve: ["reserved", "付款预占"],
  pay: ["paid", "付款"],
  adjust: ["changed", "调整"],
  exchange: ["exchanged", "换货"],
  pick: ["picking began", "开始拣货"],
  ship: ["shipped", "发货"],
  deliver: ["delivered", "送达"],
  collect: ["collected", "顾客自提"],
  decline: ["declined", "拒单"],
  cancel: ["cancelled", "取消"],
  expire: ["expired", "过期释放"],
  return: ["returned", "退货"],
  hand_over: ["handed to the store", "移交门店"],
});

const TONES = { held: "warn", picking: "warn", declined: "warn", cancelled: "quiet-pill", expired: "quiet-pill", returned: "quiet-pill" };

/** A state in words; a name of the chain's own machine as it is. */
export const stateText = (state) => t.of(state, state);

/** An event in words. */
export const eventText = (event) => t.of(event, event);

export const State = ({ state }) => html`<span class=${`pill ${TONES[state] ?? ""}`}>${stateText(state)}</span>`;

/** What a fulfilment is made of. */
export const Goods = ({ lines }) => html`<ul class="plain goods">${lines.map((line) => html`<li>
  <strong class="number">${line.quantity}</strong> <${Named} id=${line.sku} /></li>`)}</ul>`;

const NEXT = {
  held: ["pay", "collect", "cancel"],
  reserved: ["pick", "collect", "cancel"],
  amended: ["pick", "collect", "cancel"],
  exchanged: ["pick", "collect", "cancel"],
  picking: ["collect", "cancel"],
};

/** The events that a store may report in a state, the usual one first. */
export const nextEvents = (state) => NEXT[state] ?? [];
