// The buttons with which a store moves a fulfilment on: pick, collect, cancel.

import { html, useState } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { moment, words } from "../shell/language.mjs";
import { may } from "../shell/session.mjs";
import { useWriting } from "../widgets/fields.mjs";
import { nextEvents } from "../widgets/orders.mjs";
import { Failed } from "../widgets/states.mjs";

const t = words({
  pay: ["Paid", "已付款"],
  pick: ["Begin to pick", "开始拣货"],
  collect: ["Handed over", "已交付顾客"],
  cancel: ["Cancel", "取消"],
  sure: ["Cancel and put the goods back on sale?", "确认取消并重新可售？"],
  yes: ["Yes, cancel", "确认取消"],
  no: ["Keep it", "保留"],
  waits: ["Recorded. It waits for the node that decides about the order.", "已记录，等待负责该订单的节点处理。"],
  until: ["It waits until {time}.", "等待至 {time}。"],
});

export function Steps({ order, fulfilment }) {
  const writing = useWriting();
  const [isAsking, setAsking] = useState(false);
  const [answer, setAnswer] = useState(null);
  const events = nextEvents(fulfilment.state).filter((event) => may(event));
  const report = async (event) => {
    setAsking(false);
    setAnswer(null);
    setAnswer((await writing.send("POST", path`/v1/orders/${order}/events`, { event, fulfilment: fulfilment.id })) ?? null);
  };
  if (!events.length) return null;
  return html`<div class="steps">
    ${isAsking
      ? html`<p>${t("sure")}</p><button type="button" class="small-button danger" onClick=${() => report("cancel")}>${t("yes")}</button>
          <button type="button" class="small-button secondary outline" onClick=${() => setAsking(false)}>${t("no")}</button>`
      : events.map((event) => html`<button type="button" disabled=${writing.isSending}
          class=${event === "collect" ? "small-button" : "small-button secondary outline"}
          onClick=${() => (event === "cancel" ? setAsking(true) : report(event))}>${t(event)}</button>`)}
    ${(writing.problem || writing.isUnreached) && html`<${Failed} problem=${writing.problem} />`}
    ${answer?.waiting && html`<p class="offline" role="status">${t("waits")} ${answer.until && t("until", { time: moment(answer.until) })}</p>`}
  </div>`;
}
