// A refusal because of too few units, in words that a shop assistant can act on.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { to } from "../shell/route.mjs";
import { useReading } from "../shell/reading.mjs";
import { path } from "../shell/api.mjs";
import { useName } from "../widgets/names.mjs";
import { quantity } from "../widgets/units.mjs";

const t = words({
  title: ["Too few units. Nothing was recorded.", "数量不足，未做任何记录。"],
  none: ["{name}: {wanted} asked, this store may promise none.", "{name}：需要 {wanted}，本店已无可承诺数量。"],
  some: ["{name}: {wanted} asked, this store may promise {free}.", "{name}：需要 {wanted}，本店仅可承诺 {free}。"],
  online: [
    "{more} more are here, but may be sold online at this moment. If the customer has the goods in hand, sell them: untick the box.",
    "店内另有 {more}，但随时可能在线上售出。若商品已在顾客手中，请取消勾选后直接销售。",
  ],
  elsewhere: ["Where else it is", "查看其他门店库存"],
});

/** `mode`: what was refused, a sale or a hold. */
export function Shortage({ problem, mode }) {
  const lines = problem.document.lines ?? [];
  return html`<div class="failed" role="alert">
    <p><strong>${t("title")}</strong></p>
    ${lines.map((line) => html`<${ShortLine} key=${line.item} line=${line} mode=${mode} />`)}
  </div>`;
}

function ShortLine({ line, mode }) {
  const name = useName(line.item);
  const { answer } = useReading(path`/v1/stock/${line.item}`);
  const unit = answer?.unit ?? "EA";
  const others = answer ? Math.max(0, answer.available - Math.max(0, line.free)) : 0;
  const values = { name, wanted: quantity(line.wanted, unit), free: quantity(line.free, unit) };
  return html`<p>${t(line.free > 0 ? "some" : "none", values)}
    ${mode === "sell" && others > 0 && ` ${t("online", { more: quantity(others, unit) })}`}
    ${" "}<a href=${to`/items/${line.item}`}>${t("elsewhere")}</a></p>`;
}
