// What a SKU costs here and why, and the price of the store itself: change it within the limits of the chain, or clear it.

import { html, useEffect, useState } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { amountOf, amountText, money } from "../shell/money.mjs";
import { useReading } from "../shell/reading.mjs";
import { may } from "../shell/session.mjs";
import { TextField, useWriting } from "../widgets/fields.mjs";
import { PromotionText, sourceText } from "../widgets/promotions.mjs";
import { Failed } from "../widgets/states.mjs";
import { quantity } from "../widgets/units.mjs";

const t = words({
  title: ["Price", "价格"],
  none: ["No price is in force.", "当前无有效价格。"],
  per: ["{price} per {unit}", "{price} / {unit}"],
  from: ["from {source}", "来源：{source}"],
  others: ["{source}: {why}", "{source}：{why}"],
  "why-overridden": ["overridden", "已被覆盖"],
  "why-not-yet-valid": ["not valid yet", "尚未生效"],
  "why-no-longer-valid": ["not valid any more", "已失效"],
  "why-past-the-limits": ["past the limits of headquarters, so it does not count", "超出总部限价，不生效"],
  "why-unreadable": ["written by a later version", "由更新版本写入，无法读取"],
  promotions: ["Promotions now", "当前促销"],
  own: ["Price of this store", "本店价格"],
  ownHint: ["In {currency}{per}. It counts at this store only.", "单位：{currency}{per}。仅在本店生效。"],
  perUnit: [" per {unit}", "（每 {unit}）"],
  set: ["Set", "设定"],
  clear: ["Clear it: sell at {price}", "清除，恢复 {price}"],
  clearPlain: ["Clear it", "清除"],
  done: ["The new price counts now.", "新价格已生效。"],
  cleared: ["Cleared.", "已清除。"],
  notAmount: ["Enter an amount such as {example}.", "请输入金额，例如 {example}。"],
  limits: ["Headquarters allows {min} to {max}.", "总部允许的范围：{min} 至 {max}。"],
  currency: ["Headquarters sets the currency.", "币种由总部规定。"],
  same: ["It has this price already.", "价格未变化。"],
});

export function Price({ sku }) {
  const { price, unpriced, promotions } = sku;
  return html`<section class="card"><h2>${t("title")}</h2>
    ${price
      ? html`<div class="total"><strong>${priceText(price, sku.unit)}</strong>
          <small>${t("from", { source: sourceText(price.source) })}</small></div>`
      : html`<p>${t("none")}</p>`}
    ${[...(price?.others ?? []), ...(unpriced?.others ?? [])].map((one) => html`<p class="small">${t("others", {
      source: sourceText(one.source), why: t.of(`why-${one.why}`, one.why) })}</p>`)}
    ${promotions.length > 0 && html`<h3>${t("promotions")}</h3>
      <ul class="plain">${promotions.map((one) => html`<li><${PromotionText} of=${one} /></li>`)}</ul>`}
    ${may("price") && html`<${OwnPrice} key=${sku.sku} sku=${sku} />`}
  </section>`;
}

const priceText = ({ amount, currency, per }, unit) =>
  per > 1 ? t("per", { price: money(amount, currency), unit: quantity(per, unit) }) : money(amount, currency);

function OwnPrice({ sku }) {
  const url = path`/v1/documents/price/${sku.sku}`;
  const effective = useReading(url, { concerns: (entry) => entry.kind === "document" && entry.facts.key === sku.sku });
  const layers = effective.answer ? [effective.answer, ...(effective.answer.overridden ?? [])] : [];
  const own = layers.find((one) => one.rank === "store");
  const base = layers.find((one) => one.rank !== "store");
  const model = own?.value ?? base?.value ?? { currency: "EUR" };
  const [text, setText] = useState("");
  const [note, setNote] = useState("");
  const [isWrong, setWrong] = useState(false);
  const writing = useWriting();
  useEffect(() => setText(own ? amountText(own.value.amount, own.value.currency) : ""), [own?.version]);
  const amount = amountOf(text, model.currency);
  const submit = async (event) => {
    event.preventDefault();
    setWrong(amount === null);
    if (amount === null) return;
    const { currency, per, tax_inclusive } = model;
    const value = { amount, currency, ...(per && { per }), ...(tax_inclusive !== undefined && { tax_inclusive }) };
    setNote("");
    if (await writing.send("PUT", `${url}?rank=store`, value)) setNote(t("done"));
  };
  const clear = async () => {
    setNote("");
    if (await writing.send("DELETE", `${url}?rank=store`)) setNote(t("cleared"));
  };
  const per = model.per > 1 ? t("perUnit", { unit: quantity(model.per, sku.unit) }) : "";
  const refusal = limitText(writing.problem, model);
  return html`<form class="own-price" onSubmit=${submit} novalidate>
    <div class="inline">
      <${TextField} label=${t("own")} inputmode="decimal" autocomplete="off" value=${text} set=${setText}
        hint=${t("ownHint", { currency: model.currency, per })}
        problem=${isWrong ? t("notAmount", { example: amountText(1_999, model.currency) }) : refusal} />
      <button type="submit" disabled=${writing.isSending} aria-busy=${writing.isSending}>${t("set")}</button>
    </div>
    ${note && html`<p class="done" role="status">${note}</p>`}
    ${(writing.isUnreached || (writing.problem && !refusal)) && html`<${Failed} problem=${writing.problem} />`}
    ${own && html`<button type="button" class="secondary outline" disabled=${writing.isSending} onClick=${clear}>
      ${base ? t("clear", { price: priceText({ per: 1, ...base.value }, sku.unit) }) : t("clearPlain")}</button>`}
  </form>`;
}

/** The refusal of an amount past the limits of the chain, in words; undefined for another refusal. */
function limitText(problem, { currency }) {
  const { min, max } = problem?.document ?? {};
  if (problem?.kind === "unchanged") return t("same");
  if (min === undefined || max === undefined) return problem?.field === "currency" ? t("currency") : undefined;
  return t("limits", { min: money(min, currency), max: money(max, currency) });
}
