// One location: its link, its rights, and its stock item by item.

import { html } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { number, words } from "../shell/language.mjs";
import { usePages, useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { Figure } from "../widgets/bar.mjs";
import { Named } from "../widgets/names.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { quantity } from "../widgets/units.mjs";
import { State } from "./chain.mjs";
import { costOf, costText, readLocations, stateOf, strandedUnits } from "./locations.mjs";

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
});

export default function LocationPage({ location }) {
  const all = useReading("/v1/locations", { everyMs: 5_000, read: readLocations });
  const nodes = useReading("/v1/nodes", { everyMs: 5_000 });
  const status = useReading("/v1/status");
  const one = all.answer?.find((row) => row.location === location);
  return html`<p class="trail"><a href="#/">${t("all")}</a></p>
    <h1>${one?.name ?? location} ${one?.name && html`<small class="id">${location}</small>`}</h1>
    <${Read} reading=${all}>${() => one
      ? html`<${Link} one=${one} hubs=${(nodes.answer?.nodes ?? []).filter((node) => node.role === "hub")} region=${status.answer?.region} />
          <${Stock} location=${location} />`
      : html`<${Empty}><p>${t("unknown", { location })}</p><a class="link-button" href="#/">${t("all")}</a><//>`}<//>`;
}

function Link({ one, hubs, region }) {
  const row = { ...one, state: stateOf(one, region, hubs), units: strandedUnits(one) };
  const address = [one.address?.lines, one.address?.postcode, one.address?.city, one.region].flat().filter(Boolean).join(", ");
  return html`
    <p><${State} row=${row} /> ${address && html`<span class="small">${address}</span>`}</p>
    <div class="figures">
      <${Figure} name=${t("owner")} value=${one.owner ?? t("none")} />
      <${Figure} name=${t("onHand")} value=${number(one.on_hand)} />
      <${Figure} name=${t("rights")} value=${number(one.rights)} />
      ${one.behind !== null && html`<${Figure} name=${t("behind")} value=${number(one.behind)} />`}
      ${one.unacknowledged !== null && html`<${Figure} name=${t("waiting")} value=${number(one.unacknowledged)} />`}
      ${Object.entries(one.stranded).map(([node, stranded]) => html`
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
  const items = usePages(`${path`/v1/stock/${location}`}?limit=100`, {
    rowsOf: (answer) => answer.items,
    concerns: (entry) => entry.scope === location && entry.moves.length > 0,
  });
  return html`<${Read} reading=${items}>${() => items.rows.length === 0
    ? html`<${Empty}>${t("empty")}<//>`
    : html`<${Table} caption=${t("stock")} rows=${items.rows} rowKey=${(row) => row.item} columns=${[
        { name: t("item"), isWide: true, cell: (row) => html`<${Named} id=${row.item} href=${to`/explain/${location}/${row.item}`} />` },
        { name: t("onHand"), isNumber: true, cell: (row) => quantity(row.on_hand, row.unit) },
        { name: t("reserved"), isNumber: true, cell: (row) => quantity(row.reserved, row.unit) },
        { name: t("available"), isNumber: true, cell: (row) => quantity(row.available, row.unit) },
        { name: t("promised"), isNumber: true, cell: (row) => quantity(row.rights, row.unit) },
        { name: t("breach"), isNumber: true, cell: (row) => (row.breach ? html`<span class="pill bad">${quantity(row.breach, row.unit)}</span>` : "–") },
      ]}><${More} pages=${items} /><//>`}<//>`;
}
