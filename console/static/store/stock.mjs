// The stock of the store, item by item.

import { html } from "../shell/view.mjs";
import { number, words } from "../shell/language.mjs";
import { usePages } from "../shell/reading.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";

const t = words({
  title: ["Stock", "库存"],
  caption: ["Items of this store", "本店商品"],
  item: ["Item", "商品"],
  onHand: ["On hand", "现货"],
  reserved: ["Reserved", "预占"],
  available: ["Available", "可售"],
  none: ["No goods yet. Receive a delivery to begin.", "还没有商品。请先收货。"],
});

export default function StockPage() {
  const items = usePages("/v1/stock?limit=100", { rowsOf: (answer) => answer.items, concerns: (entry) => entry.moves.length > 0 });
  return html`<h1>${t("title")}</h1>
    <${Read} reading=${items}>${() => items.rows.length === 0
      ? html`<${Empty}>${t("none")}<//>`
      : html`<${Table} caption=${t("caption")} rows=${items.rows} rowKey=${(row) => row.item} columns=${[
          { name: t("item"), isWide: true, cell: (row) => row.item },
          { name: t("onHand"), isNumber: true, cell: (row) => number(row.on_hand) },
          { name: t("reserved"), isNumber: true, cell: (row) => number(row.reserved) },
          { name: t("available"), isNumber: true, cell: (row) => number(row.available) },
        ]}><${More} pages=${items} /><//>`}<//>`;
}
