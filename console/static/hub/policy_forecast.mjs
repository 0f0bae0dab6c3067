// What a policy keeps of an item at a location now, and the forecast that it comes from.

import { html } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { day, number, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { Figure } from "../widgets/bar.mjs";
import { Columns } from "../widgets/columns.mjs";
import { Read } from "../widgets/states.mjs";
import { quantity } from "../widgets/units.mjs";

const t = words({
  title: ["What it keeps now", "当前保留"],
  available: ["Available", "可售"],
  safety: ["Safety stock", "安全库存"],
  online: ["Online by the policy", "策略线上量"],
  granted: ["Given to hubs now", "已转给枢纽"],
  unknown: ["the store knows", "由门店计算"],
  days: ["Units sold on past days in the half hour from {now}. The line covers {share} of them.", "过去各日 {now} 起半小时内的销量，横线覆盖其中 {share}。"],
  line: [{ one: "safety stock: {n} unit", other: "safety stock: {n} units" }, "安全库存：{n} 件"],
  slots: ["Safety stock over the day; the half hour of now is marked.", "全天各时段的安全库存，已标出当前半小时。"],
  few: [{ one: "Only {n} day with sales so far. With fewer than {least}, the forecast is 0.", other: "Only {n} days with sales so far. With fewer than {least}, the forecast is 0." }, "目前仅有 {n} 天销售记录，少于 {least} 天时预测为 0。"],
  estimate: ["This hub estimates it from its journal. The store computes with its own sales history, which may differ a little.", "本枢纽按流水估算，门店按自己的销售历史计算，可能略有差异。"],
});

const percent = (share) => number(share, { style: "percent", maximumFractionDigits: 1 });

export function Forecast({ location, item }) {
  const reading = useReading(path`/v1/forecast/${location}/${item}`, {
    keeps: true, everyMs: 60_000, concerns: (entry) => entry.moves.some((move) => move.item === item),
  });
  return html`<h3>${t("title")}</h3><${Read} reading=${reading}>${(answer) => html`<${Kept} answer=${answer} />`}<//>`;
}

function Kept({ answer }) {
  const { unit, quantile, days, slots, now } = answer;
  const units = (value) => (value === null ? t("unknown") : quantity(value, unit));
  return html`
    <div class="figures">
      <${Figure} name=${t("available")} value=${quantity(answer.available, unit)} />
      <${Figure} name=${t("safety")} value=${units(answer.safety_stock)} />
      <${Figure} name=${t("online")} value=${units(answer.online)} />
      <${Figure} name=${t("granted")} value=${quantity(answer.granted, unit)} />
    </div>
    ${quantile !== null && days !== null && html`
      ${days.length < answer.days_min
        ? html`<p class="small">${t("few", { n: days.length, least: answer.days_min })}</p>`
        : html`<div class="columns">
            <${Columns} label=${t("days", { now, share: percent(quantile) })} line=${answer.safety_stock} lineText=${t("line", { n: answer.safety_stock })}
              bars=${days.map((one) => ({ name: day(one.day), value: one.slot_units }))} />
            <${Columns} label=${t("slots")} bars=${slots.map((one) => ({ name: one.begins, value: one.safety_stock, isMarked: one.begins === now }))} />
          </div>`}
      ${answer.is_estimate && html`<p class="small">${t("estimate")}</p>`}`}`;
}
