// One item, or one SKU of several: how many there are and who may promise them, what it costs, its past, and other stores.

import { html } from "../shell/view.mjs";
import { path, withQuery } from "../shell/api.mjs";
import { moment, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { accountText, isInternal, kindText, ownerOf } from "../widgets/accounts.mjs";
import { Bar, Figure } from "../widgets/bar.mjs";
import { changeOf, Why } from "../widgets/explain.mjs";
import { Named, useName } from "../widgets/names.mjs";
import { Plot } from "../widgets/plot.mjs";
import { Empty, Loading, Read, When } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { quantity } from "../widgets/units.mjs";
import { Elsewhere } from "./elsewhere.mjs";
import { Price } from "./price.mjs";
import { nodeStatus } from "./node.mjs";

const t = words({
  onHand: ["On hand", "现货"],
  reserved: ["Reserved", "预占"],
  quarantined: ["Quarantined", "隔离"],
  available: ["Available", "可售"],
  rights: ["This store may promise", "本店可承诺"],
  holders: ["Who may promise or keeps them", "各方持有数量"],
  breach: [
    "{n} were taken past the rights of their holder. It settles by itself as soon as another node has free units.",
    "超出持有方可承诺数量 {n}。其他节点有余量时将自动结清。",
  ],
  counted: ["Last counted {time}: {n}", "最近盘点 {time}：{n}"],
  provisional: ["provisional: movements of {nodes} before it may be missing", "暂定：可能缺少 {nodes} 在此之前的流水"],
  history: ["On hand over time", "现货变化"],
  movements: ["Last movements", "最近流水"],
  caption: ["The newest entries that moved this item", "该商品的最新流水"],
  all: ["All movements, and why", "全部流水与原因"],
  what: ["What", "类型"],
  when: ["When", "时间"],
  change: ["On hand", "现货变动"],
  why: ["Why", "依据"],
  none: ["This item never moved here.", "该商品在本店没有流水。"],
  parts: ["Made of", "组成"],
  partOf: ["{n} of each", "每份 {n}"],
  sellable: ["Can be sold", "可售份数"],
  count: ["Count", "盘点"],
  barcodes: ["Barcodes", "条码"],
});

const MOVEMENTS = 200; // of which the plot is drawn
const SHOWN = 8;

const links = { order: (order) => to`/orders/${order}`, receipt: (location, number) => to`/receipts/${number}` };

export default function ItemPage({ item }) {
  const name = useName(item);
  const sku = useReading(path`/v1/skus/${item}`, { concerns: (entry) => touches(entry, item) });
  const recipe = sku.answer?.recipe;
  const isItem = !recipe || (Object.keys(recipe).length === 1 && recipe[item] !== undefined);
  const hasFailed = sku.problem && sku.problem.kind !== "unknown-sku";
  return html`<div class="title-row"><h1>${name}</h1> ${name !== item && html`<small class="id">${item}</small>`}
      ${sku.answer?.barcodes.length > 0 && html`<span class="small">${t("barcodes")} ${sku.answer.barcodes.join(", ")}</span>`}
      ${isItem && may("count") && html`<a class="link-button" href=${to`/count/${item}`}>${t("count")}</a>`}
    </div>
    ${hasFailed && html`<${Read} reading=${sku}>${() => null}<//>`}
    <div class="columns">
      <div>${sku.isLoading && !sku.answer && !sku.problem ? html`<${Loading} />`
        : isItem ? html`<${ItemStock} item=${item} />` : html`<${Parts} sku=${sku.answer} />`}</div>
      <div>
        ${sku.answer && html`<${Price} sku=${sku.answer} />`}
        ${sku.answer && html`<${Elsewhere} sku=${item} unit=${sku.answer.unit} />`}
      </div>
    </div>`;
}

const touches = (entry, item) =>
  entry.moves.some((move) => move.item === item) || (entry.kind === "document" && entry.facts.key === item);

function ItemStock({ item }) {
  const stock = useReading(path`/v1/stock/${item}`, { concerns: (entry) => touches(entry, item) });
  return html`<${Read} reading=${stock}>${(answer) => html`
    <${Figures} stock=${answer} />
    <${Holders} stock=${answer} />
    <${Past} item=${item} unit=${answer.unit} />`}<//>`;
}

function Figures({ stock }) {
  const { unit, count } = stock;
  const why = (figure) => to`/explain/${stock.item}` + `?figure=${figure}`;
  return html`<div class="figures">
      <${Figure} name=${t("available")} value=${quantity(stock.available, unit)} href=${why("available")} isBad=${stock.available < 0} />
      <${Figure} name=${t("onHand")} value=${quantity(stock.on_hand, unit)} href=${why("on_hand")} isBad=${stock.on_hand < 0} />
      <${Figure} name=${t("reserved")} value=${quantity(stock.reserved, unit)} href=${why("reserved")} />
      <${Figure} name=${t("quarantined")} value=${quantity(stock.quarantined, unit)} href=${why("quarantined")} />
      <${Figure} name=${t("rights")} value=${quantity(stock.rights, unit)} href=${why("rights")} isBad=${stock.rights < 0} />
    </div>
    ${stock.breach > 0 && html`<p class="offline">${t("breach", { n: quantity(stock.breach, unit) })}</p>`}
    ${count && html`<p class="small">${t("counted", { time: moment(count.as_of), n: quantity(count.counted, unit) })}
      ${count.provisional && ` (${t("provisional", { nodes: count.unheard.join(", ") })})`}</p>`}`;
}

function Holders({ stock }) {
  const here = nodeStatus.value?.node;
  const rank = (account) => (ownerOf(account) === here ? 0 : 1);
  const parts = Object.entries(stock.accounts)
    .filter(([account, units]) => isInternal(account) && units > 0)
    .sort(([one], [other]) => rank(one) - rank(other) || one.localeCompare(other))
    .map(([account, units]) => ({ name: accountText(account), value: units, text: quantity(units, stock.unit) }));
  return parts.length > 0 && html`<${Bar} label=${t("holders")} parts=${parts} />`;
}

function Past({ item, unit }) {
  const url = withQuery(path`/v1/explain/${item}`, { limit: MOVEMENTS });
  const past = useReading(url, { concerns: (entry) => touches(entry, item) });
  if (past.problem?.status === 404) return html`<${Empty}>${t("none")}<//>`;
  return html`<${Read} reading=${past}>${({ stock, movements }) => html`
    <${History} item=${item} onHand=${stock.on_hand} movements=${movements} unit=${unit} />
    <h2>${t("movements")}</h2>
    <${Table} caption=${t("caption")} rows=${movements.slice(0, SHOWN)} rowKey=${(entry) => entry.hash} columns=${[
      { name: t("what"), isWide: true, cell: (entry) => kindText(entry.kind) },
      { name: t("when"), cell: (entry) => html`<${When} at=${entry.at} />` },
      { name: t("change"), isNumber: true, cell: (entry) => changeText(changeOf(entry, item, "on_hand"), unit) },
      { name: t("why"), isLong: true, cell: (entry) => html`<${Why} entry=${entry} item=${item} unit=${unit}
        links=${links} />` },
    ]} />
    <p><a href=${to`/explain/${item}`}>${t("all")}</a></p>`}<//>`;
}

const changeText = (change, unit) => (change ? quantity(change, unit, { isSigned: true }) : "–");

function History({ item, onHand, movements, unit }) {
  const steps = levels(item, onHand, movements);
  const series = [{ name: t("onHand"), values: steps.map((step) => step.level), isStepped: true }];
  return html`<${Plot} label=${t("history")} times=${steps.map((step) => step.at)} series=${series}
    text=${(value) => quantity(value, unit)} />`;
}

/** The level after each movement, oldest first, from the level now and the movements, newest first. */
export function levels(item, onHand, movements) {
  const changes = movements
    .map((entry) => ({ at: Math.floor(Date.parse(entry.at) / 1_000), change: changeOf(entry, item, "on_hand") }))
    .filter((one) => one.change)
    .sort((one, other) => one.at - other.at);
  let level = onHand - changes.reduce((sum, one) => sum + one.change, 0);
  const steps = [];
  for (const { at, change } of changes) {
    if (!steps.length) steps.push({ at: at - 1, level });
    level += change;
    if (steps.at(-1).at === at) steps.at(-1).level = level;
    else steps.push({ at, level });
  }
  const now = Math.floor(Date.now() / 1_000);
  if (!steps.length || steps.at(-1).at < now) steps.push({ at: now, level });
  return steps;
}

function Parts({ sku }) {
  return html`<div class="figures"><${Figure} name=${t("sellable")} value=${quantity(sku.sellable, sku.unit)} /></div>
    <h2>${t("parts")}</h2>
    <ul>${Object.entries(sku.recipe).map(([item, units]) => html`<li><${Named} id=${item} href=${to`/items/${item}`} />
      <small>${" "}${t("partOf", { n: units })}</small></li>`)}</ul>`;
}
