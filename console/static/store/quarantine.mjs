// Quarantine: goods that a person must look at. Put them aside, put them back on the shelf, or write them off.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { get, withQuery } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { QuantityField, useWriting, WritingForm } from "../widgets/fields.mjs";
import { Named, useName } from "../widgets/names.mjs";
import { Empty, Failed, Read } from "../widgets/states.mjs";
import { isMeasured, quantity, sign } from "../widgets/units.mjs";
import { QuantityInput } from "../widgets/quantity_input.mjs";
import { ItemChoice, useChosen } from "./item_choice.mjs";

const t = words({
  title: ["Quarantine", "隔离待检"],
  waiting: ["Waiting for a decision", "待判定"],
  none: ["Nothing is in quarantine.", "没有隔离中的商品。"],
  quantity: ["How many", "数量"],
  quantityIn: ["How much, in {sign}", "数量（{sign}）"],
  put: ["Put aside", "转入隔离"],
  putTitle: ["Put goods aside", "转入隔离"],
  restock: ["Back on the shelf", "重新上架"],
  write_off: ["Write off", "报损"],
  there: ["{n} in quarantine", "隔离中 {n}"],
  done: ["Recorded.", "已记录。"],
  breach: ["{n} of these may be sold online. It counts, and settles by itself.", "其中 {n} 可能在线上售出。操作有效，将自动结清。"],
});

const PAGE = 500;

/** All items with units in quarantine. */
async function readWaiting(url, options) {
  const found = [];
  for (let cursor = ""; cursor !== null; ) {
    const answer = await get(withQuery(url, { limit: PAGE, cursor }), options);
    found.push(...answer.items.filter((row) => row.quarantined > 0));
    cursor = answer.next;
  }
  return found;
}

const concernsQuarantine = (entry) => entry.moves.some((move) => /quarantine/.test(move.source + move.target));

export default function QuarantinePage() {
  const waiting = useReading("/v1/stock", { read: readWaiting, concerns: concernsQuarantine });
  return html`<h1>${t("title")}</h1>
    <div class="columns">
      <section><h2>${t("waiting")}</h2>
        <${Read} reading=${waiting}>${(rows) => rows.length === 0
          ? html`<${Empty}>${t("none")}<//>`
          : html`<ul class="basket">${rows.map((row) => html`<${Waiting} key=${row.item} row=${row} />`)}</ul>`}<//>
      </section>
      <section><h2>${t("putTitle")}</h2><${Put} /></section>
    </div>`;
}

function Waiting({ row }) {
  const [units, setUnits] = useState(row.quarantined);
  const writing = useWriting();
  const name = useName(row.item);
  useEffect(() => setUnits(row.quarantined), [row.quarantined]);
  const decide = (action) => writing.send("POST", "/v1/quarantine", { lines: [{ item: row.item, quantity: units, action }] });
  const isReady = units > 0 && !writing.isSending && may("quarantine");
  return html`<li class="basket-line quarantined">
    <div class="what"><${Named} id=${row.item} href=${to`/items/${row.item}`} />
      <small>${t("there", { n: quantity(row.quarantined, row.unit) })}</small></div>
    <${QuantityInput} name=${name} unit=${row.unit} value=${units} set=${setUnits} />
    <div class="decisions">
      <button type="button" class="small-button" disabled=${!isReady} onClick=${() => decide("restock")}>${t("restock")}</button>
      <button type="button" class="small-button secondary outline" disabled=${!isReady} onClick=${() => decide("write_off")}>${t("write_off")}</button>
    </div>
    ${(writing.problem || writing.isUnreached) && html`<${Failed} problem=${writing.problem} />`}
  </li>`;
}

function Put() {
  const field = useRef(null);
  const choice = useChosen();
  const { chosen } = choice;
  const [units, setUnits] = useState(1);
  const [done, setDone] = useState(null);
  const writing = useWriting();
  useEffect(() => field.current?.focus(), []);
  useEffect(() => setUnits(chosen && !isMeasured(chosen.stock.unit) ? 1 : null), [chosen]);
  const submit = async () => {
    const { item, unit } = chosen.stock;
    const answer = await writing.send("POST", "/v1/quarantine", { lines: [{ item, quantity: units, action: "put" }] });
    if (!answer) return;
    setDone({ line: answer.lines[0], unit });
    choice.clear();
    field.current?.focus();
  };
  return html`<${ItemChoice} choice=${choice} field=${field}>${({ stock }) => html`
      <${WritingForm} writing=${writing} submit=${submit} button=${t("put")} isReady=${units > 0 && may("quarantine")}>
        <${QuantityField} label=${isMeasured(stock.unit) ? t("quantityIn", { sign: sign(stock.unit) }) : t("quantity")}
          value=${units} set=${setUnits} /><//>`}<//>
    ${done && !chosen && html`<div class="outcome" role="status"><p class="outcome-title"><${Named} id=${done.line.item} />
      <strong class="number">${quantity(done.line.quantity, done.unit)}</strong></p><p>${t("done")}</p>
      ${done.line.breach > 0 && html`<p class="offline">${t("breach", { n: quantity(done.line.breach, done.unit) })}</p>`}</div>`}`;
}
