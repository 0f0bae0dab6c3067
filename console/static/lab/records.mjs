// What happened lately, each in one plain sentence.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";

const SHOWN = 12;

const t = words({
  title: ["What happens", "正在发生"],
  none: ["Nothing happened yet. Cut a line, or sell something.", "还没有事件。断开一条线路，或卖出一件商品。"],
  "outages-off": ["Automatic outages are off: you drive.", "自动断网已关闭，由您控制。"],
  "outages-on": ["Automatic outages are on.", "自动断网已开启。"],
  "shoppers-off": ["The shoppers wait.", "顾客暂停购物。"],
  "shoppers-on": ["The shoppers come again.", "顾客继续购物。"],
  story: ["The story begins.", "演示开始。"],
  cut: ["The line from {dialler} to {dialled} is cut.", "{dialler} 到 {dialled} 的线路断开。"],
  healed: ["The line from {dialler} to {dialled} works again.", "{dialler} 到 {dialled} 的线路恢复。"],
  "cut-store": ["{store} is cut off from all hubs.", "{store} 与所有枢纽断开。"],
  "healed-store": ["The lines of {store} work again.", "{store} 的线路恢复。"],
  "cut-region": ["The region {region} is cut off from the others.", "{region} 区域与其他区域断开。"],
  "healed-region": ["The region {region} reaches the others again.", "{region} 区域重新连通其他区域。"],
  "healed-all": ["All lines work.", "所有线路已恢复。"],
  "cut-regions": ["The regions are cut off from each other.", "各区域之间的线路断开。"],
  "silent-hub": ["{store} gets no answer from {hub} and looks for another hub.", "{store} 收不到 {hub} 的响应，转向其他枢纽。"],
  "losing-all": ["No node reaches another one: all lines lose their data.", "所有线路都在丢失数据，节点之间无法通信。"],
  killed: ["{node} is killed (kill -9).", "{node} 被强制终止（kill -9）。"],
  starting: ["{node} starts again from its file.", "{node} 从自己的数据文件重新启动。"],
  started: ["{node} serves again.", "{node} 恢复服务。"],
  unanswered: ["{node} does not answer. The request is sent again with the same key, so it counts once.", "{node} 没有响应。请求将以同一个键重发，只计一次。"],
  lost: ["{store} lost {hub} and sells on alone.", "{store} 与 {hub} 断开，继续独立销售。"],
  connected: ["{store} is connected to {hub}.", "{store} 已连接 {hub}。"],
  sold: [{ one: "{store} sells {n} unit.", other: "{store} sells {n} units." }, "{store} 售出 {n} 件。"],
  oversold: [{ one: "{store} sells {n} unit, {breach} past its rights. It is in the hand, so it is recorded.", other: "{store} sells {n} units, {breach} past its rights. They are in the hand, so they are recorded." }, "{store} 售出 {n} 件，其中 {breach} 件超出额度。商品已在顾客手中，如实记录。"],
  delivered: [{ one: "{n} unit is delivered to {store}.", other: "{n} units are delivered to {store}." }, "{store} 到货 {n} 件。"],
  ordered: [{ one: "{hub} accepts order {order}: {n} unit, held at {store}.", other: "{hub} accepts order {order}: {n} units, held at {store}." }, "{hub} 接受订单 {order}：在 {store} 预占 {n} 件。"],
  refused: ["{hub} refuses order {order}: {n} wanted, {free} may be promised.", "{hub} 拒绝订单 {order}：需要 {n} 件，可承诺 {free} 件。"],
  breach: ["Breach at {store}: {n} sold past its rights.", "{store} 超卖 {n} 件。"],
  settled: ["The breach at {store} is settled.", "{store} 的超卖已结清。"],
  covered: ["{giver} covers the breach: it gives {taker} {n} of its units.", "{giver} 补上超卖：让出 {n} 件额度给 {taker}。"],
  granted: [{ one: "{giver} gives {taker} the right to {n} unit at {store}.", other: "{giver} gives {taker} the right to {n} units at {store}." }, "{giver} 把 {store} 的 {n} 件额度让给 {taker}。"],
  shortage: ["At {store} no unit is left for order {order}.", "{store} 已无货可供订单 {order}。"],
  cancelled: ["Order {order} is cancelled: nothing is sent that is not there.", "订单 {order} 已取消：没有的商品不会发出。"],
});

const BAD = new Set(["cut", "cut-store", "cut-region", "cut-regions", "silent-hub", "losing-all", "killed", "lost", "unanswered", "oversold", "breach", "shortage", "cancelled"]);
const GOOD = new Set(["healed", "healed-store", "healed-region", "healed-all", "started", "connected", "settled", "covered"]);

const tone = (kind) => (BAD.has(kind) ? "bad" : GOOD.has(kind) ? "good" : "");

/** How long the demo ran when it happened: minutes and seconds. */
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export function Records({ records }) {
  return html`<section class="card records" aria-labelledby="records-title">
    <h2 id="records-title">${t("title")}</h2>
    ${records.length === 0
      ? html`<p class="small">${t("none")}</p>`
      : html`<div role="log"><ol>${records.slice(0, SHOWN).map((one) => html`<li key=${one.number} class=${tone(one.kind)}>
          <span class="when number">${clock(one.at_s)}</span>
          <span>${t(one.kind, one.values)}</span></li>`)}</ol></div>`}
  </section>`;
}
