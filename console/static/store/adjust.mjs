// Adjustments: what broke, went past its date, was used or found, with its reason.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { ChoiceField, QuantityField, TextField, useWriting, WritingForm } from "../widgets/fields.mjs";
import { reasonText } from "../widgets/explain.mjs";
import { Named } from "../widgets/names.mjs";
import { Empty } from "../widgets/states.mjs";
import { isMeasured, quantity, sign } from "../widgets/units.mjs";
import { ItemChoice, useChosen } from "./item_choice.mjs";

const t = words({
  title: ["Adjust", "库存调整"],
  begin: ["Scan what broke, went past its date, or was found.", "请扫描破损、过期或盘盈的商品。"],
  quantity: ["How many", "数量"],
  quantityIn: ["How much, in {sign}", "数量（{sign}）"],
  reason: ["Why", "原因"],
  own: ["In your words", "请说明"],
  record: ["Take off the stock", "扣减库存"],
  add: ["Add to the stock", "增加库存"],
  results: ["Recorded now", "本次记录"],
  now: ["On hand now: {n}", "当前现货 {n}"],
  breach: [
    "{n} of these may be sold online. It counts, and settles by itself.",
    "其中 {n} 可能在线上售出。调整有效，将自动结清。",
  ],
});

// What each reason does to the stock: -1 takes off, 1 adds.
const REASONS = { damaged: -1, "past-date": -1, stolen: -1, "own-use": -1, found: 1, other: -1 };

export default function AdjustPage() {
  const field = useRef(null);
  const choice = useChosen();
  const { chosen } = choice;
  const [units, setUnits] = useState(1);
  const [reason, setReason] = useState("damaged");
  const [own, setOwn] = useState("");
  const [results, setResults] = useState([]);
  const writing = useWriting();
  useEffect(() => field.current?.focus(), []);
  useEffect(() => setUnits(chosen && !isMeasured(chosen.stock.unit) ? 1 : null), [chosen]);
  const direction = REASONS[reason];
  const submit = async () => {
    const { item, unit } = chosen.stock;
    const line = { item, delta: direction * units, reason: reason === "other" && own ? own : reason };
    const answer = await writing.send("POST", "/v1/adjustments", { lines: [line] });
    if (!answer) return;
    setResults([{ answer, line: answer.lines[0], unit }, ...results]);
    choice.clear();
    field.current?.focus();
  };
  return html`<h1>${t("title")}</h1>
    <div class="columns"><div>
      <${ItemChoice} choice=${choice} field=${field}>${({ stock }) => html`
        <${WritingForm} writing=${writing} submit=${submit} isReady=${may("adjust") && units > 0}
          button=${t(direction < 0 ? "record" : "add")}>
          <div class="inline">
            <${QuantityField} label=${isMeasured(stock.unit) ? t("quantityIn", { sign: sign(stock.unit) }) : t("quantity")}
              value=${units} set=${setUnits} />
            <${ChoiceField} label=${t("reason")} value=${reason} set=${setReason}
              options=${Object.keys(REASONS).map((name) => [name, reasonText(name)])} />
          </div>
          ${reason === "other" && html`<${TextField} label=${t("own")} value=${own} set=${setOwn} maxlength="200" />`}
        <//>`}<//>
      ${!chosen && results.length === 0 && html`<${Empty}>${t("begin")}<//>`}
    </div>
    ${results.length > 0 && html`<section><h2>${t("results")}</h2>
      ${results.map(({ answer, line, unit }) => html`<div class="outcome" role="status" key=${answer.movement}>
        <p class="outcome-title"><${Named} id=${line.item} href=${to`/items/${line.item}`} />
          <strong class="number">${quantity(line.delta, unit, { isSigned: true })}</strong></p>
        <p>${reasonText(line.reason)}. <a href=${to`/explain/${line.item}`}>${t("now", { n: quantity(line.on_hand, unit) })}</a></p>
        ${line.breach > 0 && html`<p class="offline">${t("breach", { n: quantity(line.breach, unit) })}</p>`}</div>`)}
    </section>`}</div>`;
}
