// The stock of the store: every item, what a search finds, or what needs a look.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { get, path, withQuery } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { follow } from "../shell/live.mjs";
import { usePages } from "../shell/reading.mjs";
import { fields, open, setFields, to } from "../shell/route.mjs";
import { getStock, Named } from "../widgets/names.mjs";
import { ScanField } from "../widgets/scan.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { quantity } from "../widgets/units.mjs";

const t = words({
  title: ["Stock", "库存"],
  caption: ["Items of this store, in base units", "本店商品（按基本单位）"],
  find: ["Scan or search an item", "扫码或搜索商品"],
  item: ["Item", "商品"],
  onHand: ["On hand", "现货"],
  reserved: ["Reserved", "预占"],
  quarantined: ["Quarantined", "隔离"],
  available: ["Available", "可售"],
  rights: ["May promise", "可承诺"],
  breach: ["{n} past the rights", "超卖 {n}"],
  low: ["low", "库存偏低"],
  gone: ["none left", "已售完"],
  show: ["Show", "筛选"],
  all: ["All", "全部"],
  onlyBreach: ["Past the rights", "超卖"],
  onlyLow: ["Low or gone", "偏低或售完"],
  onlyQuarantined: ["Quarantined", "隔离中"],
  none: ["No goods yet. Receive a delivery to begin.", "还没有商品。请先收货。"],
  noneFits: ["No item fits. That is good news here.", "没有符合条件的商品，一切正常。"],
  receive: ["Receive goods", "去收货"],
});

const ROWS = 50;

export default function StockPage() {
  const field = useRef(null);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  const only = fields().get("only") ?? "";
  const items = usePages(withQuery("/v1/stock", { limit: ROWS, only }), {
    rowsOf: (answer) => answer.items,
    read: getStock,
    concerns: (entry) => entry.moves.length > 0,
    keyOf: (row) => row.item,
  });
  const fresh = useFresh(items.rows);
  const newest = (row, index) => (index < ROWS ? row : (fresh.get(row.item) ?? row));
  const filters = [["", "all"], ["breach", "onlyBreach"], ["low", "onlyLow"], ["quarantined", "onlyQuarantined"]];
  return html`<h1>${t("title")}</h1>
    <div class="tools">
      <${ScanField} field=${field} label=${t("find")} choose=${({ sku }) => open(to`/items/${sku.sku}`)} />
      <div class="chips" role="toolbar" aria-label=${t("show")}>
        ${filters.map(([name, text]) => html`<button type="button" class="chip" aria-pressed=${only === name}
          onClick=${() => setFields({ only: name })}>${t(text)}</button>`)}
      </div>
    </div>
    <${Read} reading=${items}>${() => items.rows.length === 0
      ? html`<${Empty}>${t(only ? "noneFits" : "none")}${!only && html` <a href="#/receive">${t("receive")}</a>`}<//>`
      : html`<${StockTable} rows=${items.rows.map(newest)}><${More} pages=${items} /><//>`}<//>`;
}

/** The newest figures of shown items that moved: `items` alone reads only the first page again. */
function useFresh(rows) {
  const [fresh, setFresh] = useState(new Map());
  const shown = useRef(new Set());
  shown.current = new Set((rows ?? []).slice(ROWS).map((row) => row.item));
  useEffect(() => follow((entry) => {
    for (const item of new Set((entry?.moves ?? []).map((move) => move.item))) {
      if (!shown.current.has(item)) continue;
      get(path`/v1/stock/${item}`).then((row) => setFresh((old) => new Map(old).set(item, row)), () => {});
    }
  }), []);
  return fresh;
}

const explained = (row, figure, value) =>
  html`<a class="why" href=${to`/explain/${row.item}` + `?figure=${figure}`}>${quantity(value, row.unit)}</a>`;

export function StockTable({ rows, children }) {
  return html`<${Table} look="figures-table" caption=${t("caption")} rows=${rows} rowKey=${(row) => row.item} columns=${[
    { name: t("item"), isWide: true, cell: (row) => html`<${Named} id=${row.item} href=${to`/items/${row.item}`} />
      ${" "}<${Flags} row=${row} />` },
    { name: t("onHand"), isNumber: true, cell: (row) => explained(row, "on_hand", row.on_hand) },
    { name: t("reserved"), isNumber: true, cell: (row) => explained(row, "reserved", row.reserved) },
    { name: t("quarantined"), isNumber: true, cell: (row) => explained(row, "quarantined", row.quarantined) },
    { name: t("available"), isNumber: true, cell: (row) => explained(row, "available", row.available) },
    { name: t("rights"), isNumber: true, cell: (row) => explained(row, "rights", row.rights) },
  ]}>${children}<//>`;
}

/** What is odd about an item. */
export function Flags({ row }) {
  return html`${row.breach > 0 && html`<a class="pill bad" href="#/look">${t("breach", { n: quantity(row.breach, row.unit) })}</a>`}
    ${row.breach === 0 && row.is_low && html`<span class="pill warn">${t(row.available <= 0 ? "gone" : "low")}</span>`}`;
}
