// The events that an operator may send to a fulfilment now. One that gives goods back is asked about first.

import { html, useRef, useState } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { useWriting } from "../widgets/fields.mjs";
import { eventName } from "../widgets/order_events.mjs";
import { stateText } from "../widgets/orders.mjs";
import { Failed } from "../widgets/states.mjs";
import { possibleEvents } from "./order_machine.mjs";
import { waitText } from "./order_waiting.mjs";

const t = words({
  pay: ["Mark as paid", "标记为已付款"],
  pick: ["Begin picking", "开始拣货"],
  ship: ["Mark as shipped", "标记为已发货"],
  collect: ["Mark as collected", "标记为已自提"],
  cancel: ["Cancel", "取消订单"],
  return: ["Take everything back", "整单退货"],
  sure: ["Do you want to cancel {id}? Its units become free again.", "确定取消 {id} 吗？其库存将释放。"],
  sureReturn: ["Do you want to take back all units of {id}? They go into quarantine.", "确定整单退货 {id} 吗？商品将进入隔离待检。"],
  yes: ["Yes, do it", "确定"],
  no: ["No", "不"],
  happened: ["{event}: now {state}.", "{event}：当前状态为{state}。"],
  asked: ["{event}: {owner} decides, and was asked.", "{event}：已请 {owner} 决定。"],
  parked: ["{event}: it {why}", "{event}：{why}"],
  others: ["{owner} decides about this fulfilment. Picking and handing out happen there.", "此履约单由 {owner} 决定，拣货与交付在那里进行。"],
  ended: ["This fulfilment has ended.", "此履约单已结束。"],
});

const OFFERED = ["pay", "pick", "ship", "collect", "cancel", "return"];
const PASSED_ON = ["cancel", "return"]; // a hub passes these to the node that decides
const ASKED_ABOUT = ["cancel", "return"];

export function Actions({ order, one, machine }) {
  const status = useReading("/v1/status");
  const writing = useWriting();
  const [outcome, setOutcome] = useState("");
  const asking = useRef(null);
  const [wanted, setWanted] = useState("");
  if (!machine.answer || !status.answer) return null;
  const isOurs = one.owner === status.answer.node;
  const events = possibleEvents(machine.answer, one.state).filter((event) => OFFERED.includes(event) && (isOurs || PASSED_ON.includes(event)));
  const send = async (event) => {
    asking.current.close();
    setOutcome("");
    const answer = await writing.send("POST", path`/v1/orders/${order}/events`, { event, fulfilment: one.id });
    if (answer) setOutcome(outcomeOf(event, answer, one));
  };
  const press = (event) => {
    if (!ASKED_ABOUT.includes(event)) return send(event);
    setWanted(event);
    return asking.current.showModal();
  };
  return html`<div class="acts">
      ${events.map((event) => html`<button type="button" class=${PASSED_ON.includes(event) ? "secondary outline" : ""} disabled=${writing.isSending}
        aria-busy=${writing.isSending} onClick=${() => press(event)}>${t(event)}</button>`)}
    </div>
    ${!isOurs && html`<p class="small">${t("others", { owner: one.owner })}</p>`}
    ${isOurs && events.length === 0 && html`<p class="small">${t("ended")}</p>`}
    <div role="status">${outcome && html`<p class="done">${outcome}</p>`}</div>
    ${(writing.problem || writing.isUnreached) && html`<${Failed} problem=${writing.problem} />`}
    <dialog ref=${asking} aria-label=${t(wanted || "cancel")}>
      <article>
        <p>${t(wanted === "return" ? "sureReturn" : "sure", { id: one.id })}</p>
        <footer>
          <button type="button" class="secondary" onClick=${() => asking.current.close()}>${t("no")}</button>
          <button type="button" onClick=${() => send(wanted)}>${t("yes")}</button>
        </footer>
      </article>
    </dialog>`;
}

function outcomeOf(event, answer, one) {
  const name = eventName(event);
  if (answer.waiting === "asked") return t("asked", { event: name, owner: one.owner });
  if (answer.waiting) return t("parked", { event: name, why: waitText({ ...answer, fulfilment: one.id }) });
  const after = answer.fulfilments.find((other) => other.id === one.id)?.state ?? answer.state;
  return t("happened", { event: name, state: stateText(after) });
}
