// The orders of the chain, those first that this hub came to know last.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { withQuery } from "../shell/api.mjs";
import { moment, number, words } from "../shell/language.mjs";
import { usePages } from "../shell/reading.mjs";
import { fields, setFields, to } from "../shell/route.mjs";
import { ChoiceField, Field, TextField } from "../widgets/fields.mjs";
import { State, stateText } from "../widgets/orders.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { useOpenFirst } from "./open_first.mjs";

const t = words({
  title: ["Orders", "订单"],
  search: ["Number of the order", "订单号"],
  hint: ["Enter opens the first one.", "按回车键打开第一个。"],
  state: ["State", "状态"],
  all: ["all", "全部"],
  location: ["Location", "地点"],
  channel: ["Channel", "渠道"],
  caption: ["Orders, newest first", "订单（最新在前）"],
  order: ["Order", "订单"],
  placed: ["Placed", "下单时间"],
  locations: ["Locations", "地点"],
  lines: ["Lines", "行数"],
  units: ["Units", "件数"],
  exceptions: ["needs a look", "需处理"],
  none: ["No order yet. Orders come from channels through POST /v1/orders.", "还没有订单。订单由各渠道通过 POST /v1/orders 提交。"],
  noFit: ["No order fits. Change the filter.", "没有符合条件的订单。请更改筛选条件。"],
  further: ["None of the newest fits. Older ones may.", "最新订单中没有符合条件的，可继续查找更早的订单。"],
  clear: ["Show all orders", "显示全部订单"],
});

// The states that fulfilments have, in the order of their life. A table of an operator names no others.
const STATES = ["held", "reserved", "amended", "exchanged", "picking", "shipped", "delivered", "collected", "returned", "declined", "expired", "cancelled"];

const TYPING_MS = 150;
const FILTERS = ["q", "state", "location", "channel"];
const NO_FILTERS = Object.fromEntries(FILTERS.map((name) => [name, ""]));

export default function OrdersPage() {
  const chosen = Object.fromEntries(FILTERS.map((name) => [name, fields().get(name) ?? ""]));
  const [typed, setTyped] = useState(chosen);
  useEffect(() => {
    const timer = setTimeout(() => setFields({ q: typed.q, location: typed.location, channel: typed.channel }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const url = withQuery("/v1/orders", { ...chosen, limit: 50 });
  const orders = usePages(url, {
    rowsOf: (answer) => answer.orders, keeps: true, concerns: (entry) => entry.kind === "order",
  });
  const isFiltered = FILTERS.some((name) => chosen[name]);
  const type = (name) => (text) => setTyped({ ...typed, [name]: text });
  const clear = () => {
    setTyped(NO_FILTERS);
    setFields(NO_FILTERS);
  };
  const box = useRef(null);
  useEffect(() => box.current?.focus(), []);
  const openFirst = useOpenFirst({ typed: typed.q, asked: chosen.q, url, pages: orders, addressOf: (row) => to`/orders/${row.order}` });
  const submit = (event) => {
    event.preventDefault();
    openFirst();
  };
  return html`<h1>${t("title")}</h1>
    <form class="inline filters" onSubmit=${submit}>
      <${Field} label=${t("search")} hint=${t("hint")}>${(attributes) => html`
        <input ...${attributes} ref=${box} type="search" autocomplete="off" value=${typed.q} onInput=${(event) => type("q")(event.target.value)} />`}<//>
      <${ChoiceField} label=${t("state")} value=${chosen.state} set=${(state) => setFields({ state })}
        options=${[["", t("all")], ...STATES.map((state) => [state, stateText(state)])]} />
      <${TextField} label=${t("location")} value=${typed.location} set=${type("location")} />
      <${TextField} label=${t("channel")} value=${typed.channel} set=${type("channel")} />
      <button type="submit" hidden>${t("order")}</button>
    </form>
    <${Read} reading=${orders}>${() => orders.rows.length === 0
      ? html`<${Empty}><p>${t(orders.more ? "further" : isFiltered ? "noFit" : "none")}</p>
          ${isFiltered && !orders.more && html`<button type="button" class="secondary more" onClick=${clear}>${t("clear")}</button>`}
          <${More} pages=${orders} /><//>`
      : html`<${Rows} orders=${orders} />`}<//>`;
}

const Rows = ({ orders }) => html`<${Table} caption=${t("caption")} rows=${orders.rows} rowKey=${(row) => row.order} columns=${[
  { name: t("order"), isWide: true, cell: (row) => html`<a href=${to`/orders/${row.order}`}>${row.order}</a>
    ${row.has_exceptions && html` <span class="pill bad">${t("exceptions")}</span>`}` },
  { name: t("state"), cell: (row) => html`<${State} state=${row.state} />` },
  { name: t("placed"), cell: (row) => (row.placed_at ? moment(row.placed_at) : "–") },
  { name: t("channel"), cell: (row) => row.channel || "–" },
  { name: t("locations"), cell: (row) => row.locations.join(", ") || "–" },
  { name: t("lines"), isNumber: true, cell: (row) => number(row.lines) },
  { name: t("units"), isNumber: true, cell: (row) => number(row.units) },
]}><${More} pages=${orders} /><//>`;
