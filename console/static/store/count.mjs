// Counting: scan an item, look at the shelf, type what is there. Sales that happen meanwhile stay right.
//
// The token of the figures is read when the item is scanned, because then the person begins to look. What is sold after
// that moment is taken off what was counted.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { moment, words } from "../shell/language.mjs";
import { to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { QuantityField, TextField, useWriting, WritingForm } from "../widgets/fields.mjs";
import { Named } from "../widgets/names.mjs";
import { Empty } from "../widgets/states.mjs";
import { isMeasured, quantity, sign } from "../widgets/units.mjs";
import { ItemChoice, useChosen } from "./item_choice.mjs";

const t = words({
  title: ["Count", "盘点"],
  begin: [
    "Scan an item, count it, and type what you found. The till may go on selling.",
    "扫描商品，清点后输入实际数量。盘点期间可照常销售。",
  ],
  counted: ["Counted", "实盘数量"],
  countedIn: ["Counted, in {sign}", "实盘数量（{sign}）"],
  area: ["Area", "区域"],
  another: ["It also lies in another area", "其他区域还有"],
  since: ["As of {time}. What is sold from then on is taken off.", "以 {time} 为准，此后的销售会自动扣减。"],
  record: ["Record the count", "提交盘点"],
  results: ["Counted now", "本次盘点"],
  right: ["The book was right.", "账实相符。"],
  more: ["{n} more than the book had.", "盘盈 {n}。"],
  less: ["{n} fewer than the book had.", "盘亏 {n}。"],
  now: ["On hand now: {n}", "当前现货 {n}"],
  meanwhile: ["{n} left since the count began.", "盘点开始后售出 {n}。"],
  provisional: [
    "Headquarters is away: its movements before the count may still change the result by themselves.",
    "总部断线：盘点前总部的流水到达后，结果可能自动修正。",
  ],
});

const NONE = [{ area: "", counted: null }];

export default function CountPage({ item = "" }) {
  const field = useRef(null), first = useRef(null);
  const choice = useChosen(item);
  const { chosen } = choice;
  const [areas, setAreas] = useState(NONE);
  const [results, setResults] = useState([]);
  const writing = useWriting();
  useEffect(() => void (item || field.current?.focus()), []);
  useEffect(() => {
    setAreas(NONE);
    if (chosen) requestAnimationFrame(() => first.current?.querySelector("input")?.focus());
  }, [chosen]);
  const set = (index, fields) => setAreas(areas.map((one, at) => (at === index ? { ...one, ...fields } : one)));
  const submit = async () => {
    const { stock } = chosen;
    const lines = areas.map(({ area, counted }) => ({ item: stock.item, counted, ...(area && { area }) }));
    const answer = await writing.send("POST", "/v1/counts", { lines, seen: stock.seen });
    if (!answer) return;
    const counted = areas.reduce((sum, one) => sum + one.counted, 0);
    setResults([{ answer, line: answer.lines[0], counted, unit: stock.unit }, ...results]);
    choice.clear();
    field.current?.focus();
  };
  return html`<h1>${t("title")}</h1>
    <div class="columns"><div>
      <${ItemChoice} choice=${choice} field=${field}>${({ stock }) => html`
        <${WritingForm} writing=${writing} submit=${submit} button=${t("record")}
          isReady=${may("count") && areas.every((one) => one.counted !== null && one.counted >= 0)}>
          <p class="small">${t("since", { time: moment(seenAt(stock)) })}</p>
          <div ref=${first}>${areas.map((one, index) => html`<div class="inline" key=${index}>
            <${QuantityField} label=${isMeasured(stock.unit) ? t("countedIn", { sign: sign(stock.unit) }) : t("counted")} min="0"
              value=${one.counted} set=${(counted) => set(index, { counted })} />
            ${areas.length > 1 && html`<${TextField} label=${t("area")} value=${one.area} set=${(area) => set(index, { area })} />`}
          </div>`)}</div>
          <button type="button" class="quiet another" onClick=${() => setAreas([...areas, ...NONE])}>+ ${t("another")}</button>
        <//>`}<//>
      ${!chosen && results.length === 0 && html`<${Empty}>${t("begin")}<//>`}
    </div>
    ${results.length > 0 && html`<section><h2>${t("results")}</h2>
      ${results.map((one) => html`<${Result} key=${one.answer.movement} result=${one} />`)}</section>`}</div>`;
}

const began = new WeakMap();

/** When the figures of an item were read, on the clock of this machine. */
function seenAt(stock) {
  if (!began.has(stock)) began.set(stock, new Date().toISOString());
  return began.get(stock);
}

function Result({ result }) {
  const { line, answer, unit, counted } = result;
  const gone = counted - line.on_hand;
  return html`<div class="outcome" role="status">
    <p class="outcome-title"><${Named} id=${line.item} href=${to`/items/${line.item}`} />
      <strong class="number">${quantity(counted, unit)}</strong></p>
    <p>${line.change === 0 ? t("right") : t(line.change > 0 ? "more" : "less", { n: quantity(Math.abs(line.change), unit) })}
      ${gone > 0 && ` ${t("meanwhile", { n: quantity(gone, unit) })}`}
      ${" "}<a href=${to`/explain/${line.item}`}>${t("now", { n: quantity(line.on_hand, unit) })}</a></p>
    ${answer.provisional && html`<p class="small">${t("provisional")}</p>`}</div>`;
}
