// One location: its link, its rights, and its stock item by item.

import { html, useEffect, useState } from "../shell/view.mjs";
import { path, withQuery } from "../shell/api.mjs";
import { number, words } from "../shell/language.mjs";
import { usePages, useReading } from "../shell/reading.mjs";
import { fields, setFields, to } from "../shell/route.mjs";
import { Figure } from "../widgets/bar.mjs";
import { ChoiceField, TextField } from "../widgets/fields.mjs";
import { getStock, Named } from "../widgets/names.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { quantity } from "../widgets/units.mjs";
import { State } from "./chain.mjs";
import { costOf, costText, stateOf, strandedUnits } from "./locations.mjs";

const t = words({
  unknown: ["This hub does not know the location {location}.", "本枢纽不认识地点 {location}。"],
  all: ["All locations", "全部地点"],
  owner: ["Node", "节点"],
  none: ["none", "无"],
  onHand: ["On hand", "现货"],
  rights: ["Rights of this hub", "本枢纽可承诺量"],
  behind: ["Lag", "落后"],
  waiting: ["Entries waiting", "待同步记录"],
  stranded: ["Stranded at {node}", "滞留于 {node}"],
  software: ["Software", "软件版本"],
  document: ["Its document", "地点主数据"],
  policy: ["Its policy", "分配策略"],
  orders: ["Its orders", "相关订单"],
  exceptions: ["Its exceptions", "相关异常"],
  stock: ["Stock, item by item", "按商品的库存"],
  item: ["Item", "商品"],
  reserved: ["Reserved", "预占"],
  available: ["Available", "可售"],
  promised: ["Rights here", "本枢纽可承诺量"],
  breach: ["Breach", "超卖"],
  empty: ["No goods were recorded at this location yet.", "该地点还没有库存记录。"],
  search: ["Name or number of the goods", "商品名称或编号"],
  show: ["Show", "显示"],
  all_items: ["all items", "全部商品"],
  breached: ["past the rights", "超卖"],
  low: ["low or gone", "偏低或售完"],
  quarantined: ["quarantined", "隔离中"],
  held: ["held for orders", "订单预占"],
  noFit: ["No item fits. Change the filter.", "没有符合条件的商品。请更改筛选条件。"],
});

const TYPING_MS = 120;

const FILTERS = [["", "all_items"], ["breach", "breached"], ["low", "low"], ["quarantined", "quarantined"], ["reserved", "held"]];

export default function LocationPage({ location }) {
  const reading = useReading(path`/v1/locations/${location}`, { everyMs: 5_000 });
  const one = reading.answer, isUnknown = !one && reading.problem?.kind === "unknown-location";
  return html`<p class="trail"><a href="#/">${t("all")}</a></p>
    <h1>${one?.name ?? location} ${one?.name && html`<small class="id">${location}</small>`}</h1>
    ${isUnknown
      ? html`<${Empty}><p>${t("unknown", { location })}</p><a class="link-button" href="#/">${t("all")}</a><//>`
      : html`<${Read} reading=${reading}>${() => html`<${Link} one=${one} />`}<//><${Stock} location=${location} />`}`;
}

function Link({ one }) {
  const row = { ...one, state: stateOf(one), units: strandedUnits(one) };
  const address = [one.address?.lines, one.address?.postcode, one.address?.city, one.region].flat().filter(Boolean).join(", ");
  return html`
    <p><${State} row=${row} /> ${address && html`<span class="small">${address}</span>`}</p>
    <div class="figures">
      <${Figure} name=${t("owner")} value=${one.owner ?? t("none")} />
      <${Figure} name=${t("onHand")} value=${number(one.on_hand)} />
      <${Figure} name=${t("rights")} value=${number(one.rights)} />
      ${one.behind !== null && html`<${Figure} name=${t("behind")} value=${number(one.behind)} />`}
      ${one.unacknowledged !== null && html`<${Figure} name=${t("waiting")} value=${number(one.unacknowledged)} />`}
      ${row.units > 0 && Object.entries(one.stranded).map(([node, stranded]) => html`
        <${Figure} name=${t("stranded", { node })} value=${number(stranded.units)} unit=${costText(costOf([{ stranded: { node: stranded } }]))} isBad=${row.state === "away"} />`)}
      ${one.software && html`<${Figure} name=${t("software")} value=${one.software} />`}
    </div>
    <p class="links">
      <a href=${to`/documents/location/${one.location}`}>${t("document")}</a>
      <a href=${`#/policies?location=${encodeURIComponent(one.location)}`}>${t("policy")}</a>
      <a href=${`#/orders?location=${encodeURIComponent(one.location)}`}>${t("orders")}</a>
      <a href=${`#/exceptions?q=${encodeURIComponent(one.location)}`}>${t("exceptions")}</a>
    </p>`;
}

function Stock({ location }) {
  const [q, only] = [fields().get("q") ?? "", fields().get("only") ?? ""];
  const [text, setText] = useState(q);
  useEffect(() => {
    const timer = setTimeout(() => setFields({ q: text.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const items = usePages(withQuery(path`/v1/stock/${location}`, { limit: 100, q, only }), {
    rowsOf: (answer) => answer.items,
    read: getStock,
    keeps: true,
    concerns: (entry) => entry.scope === location && entry.moves.length > 0,
  });
  return html`<div class="inline filters">
      <${TextField} label=${t("search")} type="search" autocomplete="off" value=${text} set=${setText} />
      <${ChoiceField} label=${t("show")} value=${only} set=${(one) => setFields({ only: one })} options=${FILTERS.map(([name, word]) => [name, t(word)])} />
    </div>
    <${Read} reading=${items}>${() => items.rows.length === 0
    ? html`<${Empty}>${t(q || only ? "noFit" : "empty")}<//>`
    : html`<${Table} caption=${t("stock")} rows=${items.rows} rowKey=${(row) => row.item} columns=${[
        { name: t("item"), isWide: true, cell: (row) => html`<${Named} id=${row.item} href=${to`/explain/${location}/${row.item}`} />` },
        { name: t("onHand"), isNumber: true, cell: (row) => quantity(row.on_hand, row.unit) },
        { name: t("reserved"), isNumber: true, cell: (row) => quantity(row.reserved, row.unit) },
        { name: t("available"), isNumber: true, cell: (row) => quantity(row.available, row.unit) },
        { name: t("promised"), isNumber: true, cell: (row) => quantity(row.rights, row.unit) },
        { name: t("breach"), isNumber: true, cell: (row) => (row.breach ? html`<span class="pill bad">${quantity(row.breach, row.unit)}</span>` : "–") },
      ]}><${More} pages=${items} /><//>`}<//>`;
}
