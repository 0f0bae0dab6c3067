// A delivery: scan what came, correct the quantities, and record all of it at once.

import { html, signal, useEffect, useRef, useState } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { keep, kept } from "../shell/memory.mjs";
import { to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { TextField, useWriting, WritingForm } from "../widgets/fields.mjs";
import { Named, useName } from "../widgets/names.mjs";
import { ScanField } from "../widgets/scan.mjs";
import { QuantityInput } from "../widgets/quantity_input.mjs";
import { isMeasured, quantity } from "../widgets/units.mjs";

const t = words({
  title: ["Receive goods", "收货"],
  empty: ["Scan the first goods of the delivery. A case counts as the bottles in it.", "请扫描到货的第一件商品。整箱将按内含数量入库。"],
  goods: ["Goods of the delivery", "本次到货商品"],
  note: ["Number of the delivery note", "送货单号"],
  receive: ["Receive", "确认收货"],
  remove: ["Remove {name}", "移除 {name}"],
  done: ["Received. The goods can be sold now.", "收货完成，商品即刻可售。"],
  left: ["{n} can be sold now", "现可售 {n}"],
  clear: ["Empty the list", "清空"],
  discard: ["Do not send it again", "不再发送"],
});

const NAME = "delivery";

const EMPTY = { lines: [], reference: "" };

const delivery = signal(kept(NAME) ?? EMPTY);

function change(fields) {
  delivery.value = { ...delivery.value, ...fields };
  keep(NAME, delivery.value);
}

function add({ sku, quantity: units }) {
  const { lines } = delivery.value;
  const found = lines.find((line) => line.sku === sku.sku);
  const more = units ?? (isMeasured(sku.unit) ? null : 1);
  change({
    lines: found
      ? lines.map((line) => (line === found && more !== null ? { ...line, quantity: (line.quantity ?? 0) + more } : line))
      : [{ sku: sku.sku, unit: sku.unit, quantity: more }, ...lines],
  });
}

const setQuantity = (sku, value) =>
  change({ lines: delivery.value.lines.map((line) => (line.sku === sku ? { ...line, quantity: value } : line)) });

export default function ReceivePage() {
  const field = useRef(null), feed = useRef(null), weights = useRef(new Map());
  const [done, setDone] = useState(null);
  const writing = useWriting("delivery");
  const { lines, reference } = delivery.value;
  useEffect(() => field.current?.focus(), []);
  const isUnknown = lines.length > 0 && (writing.isUnreached || writing.problem?.status >= 500);
  const isLocked = writing.isSending || isUnknown;
  const choose = (found) => {
    setDone(null);
    add(found);
    const isOpen = delivery.value.lines.find((line) => line.sku === found.sku.sku).quantity === null;
    if (isOpen) requestAnimationFrame(() => weights.current.get(found.sku.sku)?.focus());
  };
  const submit = async () => {
    await feed.current.done(); // what was scanned belongs to the delivery, also while the node looks it up
    const { lines } = delivery.value;
    if (!lines.every((line) => line.quantity > 0)) return;
    const body = { lines: lines.map(({ sku, quantity }) => ({ sku, quantity })), ...(reference && { reference }) };
    const answer = await writing.send("POST", "/v1/receipts", body);
    if (!answer) return;
    setDone({ answer, lines });
    change(EMPTY);
    field.current?.focus();
  };
  const clear = () => {
    writing.clear();
    change(EMPTY);
    field.current?.focus();
  };
  const leave = (scan) => (scan ? feed.current.scan(scan) : field.current?.focus());
  return html`<h1>${t("title")}</h1>
    <div class="columns">
      <div><${ScanField} field=${field} feed=${feed} choose=${choose} isDisabled=${isLocked} />
        ${done && lines.length === 0 && html`<${Done} done=${done} />`}
        ${lines.length === 0 && !done && html`<p class="empty">${t("empty")}</p>`}
        <ul class="basket" aria-label=${t("goods")}>${lines.map((line) => html`
          <${Line} key=${line.sku} line=${line} inputs=${weights} isLocked=${isLocked} leave=${leave} />`)}</ul></div>
      <div class="card">
        <${WritingForm} writing=${writing} submit=${submit} button=${t("receive")}
          isReady=${may("receive") && lines.length > 0 && lines.every((line) => line.quantity > 0)}>
          <${TextField} label=${t("note")} value=${reference} autocomplete="off" disabled=${isLocked}
            set=${(text) => change({ reference: text })} />
        <//>
        ${lines.length > 0 && html`<button type="button" class="quiet" onClick=${clear}>${t(isLocked ? "discard" : "clear")}</button>`}
      </div>
    </div>`;
}

function Line({ line, inputs, isLocked, leave }) {
  const name = useName(line.sku);
  const drop = () => {
    change({ lines: delivery.value.lines.filter((one) => one !== line) });
    leave();
  };
  return html`<li class="basket-line">
    <div class="what"><${Named} id=${line.sku} href=${to`/items/${line.sku}`} /></div>
    <${QuantityInput} name=${name} unit=${line.unit} value=${line.quantity} set=${(units) => setQuantity(line.sku, units)} hasSteps
      isLocked=${isLocked} leave=${leave} keep=${(input) => inputs.current.set(line.sku, input)} />
    <button type="button" class="icon" aria-label=${t("remove", { name })} disabled=${isLocked} onClick=${drop}>×</button>
  </li>`;
}

function Done({ done }) {
  const unit = (sku) => done.lines.find((line) => line.sku === sku)?.unit;
  return html`<section class="outcome" role="status"><p class="outcome-title"><strong>${t("done")}</strong></p>
    <ul>${done.answer.lines.map((line) => html`<li>
      <span class="number">${quantity(line.quantity, unit(line.sku), { isSigned: true })}</span>
      <${Named} id=${line.sku} />
      <a class="left" href=${to`/items/${line.sku}`}>${t("left", { n: quantity(line.available, unit(line.sku)) })}</a></li>`)}</ul>
  </section>`;
}
