// The start page: how the chain is, on a map and as a list. What needs a person comes first.

import { html, useEffect, useMemo, useState } from "../shell/view.mjs";
import { language, number, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { fields, open, setFields, to } from "../shell/route.mjs";
import { Figure } from "../widgets/bar.mjs";
import { ChoiceField, TextField } from "../widgets/fields.mjs";
import { Empty, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { attention } from "./attention.mjs";
import { costOf, costText, fits, inOrder, readLocations, since, stateName, stateOf, STATES, stateText, strandedUnits, TONES } from "./locations.mjs";

const t = words({
  title: ["The chain", "全链概览"],
  reached: ["Locations reached", "可联系门店"],
  away: ["Away", "断线"],
  waiting: ["Entries waiting", "待同步记录"],
  stranded: ["Stranded units", "滞留可承诺量"],
  cost: ["Their value", "滞留货值"],
  exceptions: ["To look at", "待处理异常"],
  breaches: [{ one: "{n} breach", other: "{n} breaches" }, "超卖 {n} 项"],
  map: ["Map of the locations. The list below says the same.", "门店地图。下方列表内容相同。"],
  orBreach: ["no node yet, or a breach", "尚无节点，或有超卖"],
  mapKeys: ["Drag to move. Click the map, then use the wheel to zoom. Click a dot to open it.", "拖动可平移；先点击地图，再用滚轮缩放；点击圆点可打开。"],
  regions: ["Regions and hubs", "区域与枢纽"],
  region: ["Region", "区域"],
  hub: ["Hub", "枢纽"],
  self: ["this hub", "本枢纽"],
  noHub: ["none known", "未知"],
  stores: ["Reached", "可联系"],
  list: [{ one: "{n} location", other: "{n} locations" }, "{n} 个地点"],
  location: ["Location", "地点"],
  state: ["State", "状态"],
  seen: ["last heard {age}", "最近联系：{age}"],
  behind: ["Lag", "落后"],
  onHand: ["On hand", "现货"],
  rights: ["Rights here", "本枢纽可承诺量"],
  search: ["Name, city or region", "名称、城市或区域"],
  show: ["Show", "显示"],
  all: ["All states", "全部状态"],
  none: ["No location yet. Write a location document, or connect the node of a store.", "还没有地点。请新建地点文档，或连接门店节点。"],
  write: ["Write a location", "新建地点"],
  noFit: ["No location fits. Change the filter.", "没有符合条件的地点。请更改筛选条件。"],
});

export default function ChainPage() {
  const locations = useReading("/v1/locations", { everyMs: 5_000, read: readLocations });
  const nodes = useReading("/v1/nodes", { everyMs: 5_000 });
  const status = useReading("/v1/status");
  const hubs = useMemo(() => hubsOf(nodes.answer, status.answer), [nodes.answer, status.answer]);
  const rows = useMemo(
    () => locations.answer && inOrder(locations.answer.map((one) => ({ ...one, state: stateOf(one), units: strandedUnits(one) }))),
    [locations.answer],
  );
  return html`<h1>${t("title")}</h1>
    <${Read} reading=${locations}>${() => rows.length === 0
      ? html`<${Empty}><p>${t("none")}</p><a class="link-button" href="#/documents/location">${t("write")}</a><//>`
      : html`<${Chain} rows=${rows} hubs=${hubs} />`}<//>`;
}

/** The hubs of the chain: this one, and those that it knows. */
function hubsOf(nodes, status) {
  const others = (nodes?.nodes ?? []).filter((node) => node.role === "hub");
  return status ? [{ node: status.node, region: status.region, connected: true, isSelf: true }, ...others] : others;
}

function Chain({ rows, hubs }) {
  const chosen = fields();
  const [text, state] = [chosen.get("q") ?? "", chosen.get("state") ?? ""];
  const shown = useMemo(() => rows.filter((row) => (!state || row.state === state) && (!text || fits(row, text))), [rows, text, state]);
  const away = rows.filter((row) => row.state === "away");
  const list = useMemo(() => html`<${Locations} rows=${shown} />`, [shown, language.value]);
  return html`
    <div class="figures">
      <${Figure} name=${t("reached")} value=${`${number(rows.filter((row) => row.state !== "away" && row.state !== "unowned").length)} / ${number(rows.length)}`} />
      <${Figure} name=${t("away")} value=${number(away.length)} isBad=${away.length > 0} />
      <${Figure} name=${t("waiting")} value=${number(sum(rows, (row) => row.unacknowledged ?? 0))} />
      <${Figure} name=${t("stranded")} value=${number(sum(away, (row) => row.units))} isBad=${away.some((row) => row.units)} />
      <${Figure} name=${t("cost")} value=${costText(costOf(away))} />
      <${Figure} name=${t("exceptions")} value=${attention.value} href="#/exceptions" isBad=${attention.value && attention.value !== "0"} />
    </div>
    <div class="columns">
      <${LazyMap} rows=${shown} />
      <${Regions} rows=${rows} hubs=${hubs} />
    </div>
    <div class="inline filters">
      <${TextField} label=${t("search")} type="search" value=${text} set=${(q) => setFields({ q })} />
      <${ChoiceField} label=${t("show")} value=${state} set=${(one) => setFields({ state: one })}
        options=${[["", t("all")], ...STATES.map((one) => [one, `${stateName(one)} (${number(rows.filter((row) => row.state === one).length)})`])]} />
    </div>
    ${shown.length === 0 ? html`<${Empty}>${t("noFit")}<//>` : list}`;
}

const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0);

/** The map comes after the list, because its code and the land are larger than the page. */
function LazyMap({ rows }) {
  const [loaded, setLoaded] = useState({});
  useEffect(() => void import("../widgets/map.mjs").then((module) => setLoaded({ Map: module.default })), []);
  const places = useMemo(() => rows.map(placeOf), [rows]);
  return html`<div class="map-holder">
    ${loaded.Map ? html`<${loaded.Map} label=${t("map")} places=${places} choose=${(id) => open(to`/locations/${id}`)} />` : html`<div class="map"></div>`}
    <ul class="legend">
      ${STATES.map((state) => html`<li><span class=${`dot ${TONES[state]}`} aria-hidden="true"></span>${state === "unowned" ? t("orBreach") : stateName(state)}</li>`)}
      <li>${t("mapKeys")}</li>
    </ul>
  </div>`;
}

function placeOf(row) {
  const name = row.name ?? row.location;
  const tone = row.breaches && row.state === "here" ? "warn" : TONES[row.state];
  return { id: row.location, name, lat: row.lat, lon: row.lon, tone, note: `${name} · ${stateText(row)}` };
}

function Regions({ rows, hubs }) {
  const names = [...new Set([...hubs.map((hub) => hub.region), ...rows.map((row) => row.region)])].filter(Boolean).sort();
  const of = (name) => rows.filter((row) => row.region === name);
  return html`<${Table} caption=${t("regions")} rows=${names} rowKey=${(name) => name} columns=${[
    { name: t("region"), isWide: true, cell: (name) => html`<button type="button" class="link" onClick=${() => setFields({ q: name })}>${name}</button>` },
    { name: t("hub"), isLong: true, cell: (name) => html`<${HubsOf} hubs=${hubs.filter((hub) => hub.region === name)} />` },
    { name: t("stores"), isNumber: true, cell: (name) => `${number(of(name).filter((row) => row.state === "here" || row.state === "elsewhere").length)} / ${number(of(name).length)}` },
    { name: t("stranded"), isNumber: true, cell: (name) => number(sum(of(name).filter((row) => row.state === "away"), (row) => row.units)) },
  ]} />`;
}

const HubsOf = ({ hubs }) => hubs.length === 0 ? html`<span class="small">${t("noHub")}</span>` : hubs.map((hub) => html`
  <span class=${hub.connected ? "pill" : "pill bad"}>${hub.node}${hub.isSelf ? ` · ${t("self")}` : hub.connected ? "" : ` · ${stateName("away")}`}</span> `);

function Locations({ rows }) {
  return html`<${Table} caption=${t("list", { n: rows.length })} rows=${rows} rowKey=${(row) => row.location} columns=${[
    { name: t("location"), isWide: true, cell: (row) => html`<a href=${to`/locations/${row.location}`}>${row.name ?? row.location}</a>${row.name && html` <small>${row.location}</small>`}` },
    { name: t("state"), isWide: true, cell: (row) => html`<${State} row=${row} />` },
    { name: t("behind"), isNumber: true, cell: (row) => (row.behind === null ? "–" : number(row.behind)) },
    { name: t("waiting"), isNumber: true, cell: (row) => (row.unacknowledged === null ? "–" : number(row.unacknowledged)) },
    { name: t("onHand"), isNumber: true, cell: (row) => number(row.on_hand) },
    { name: t("rights"), isNumber: true, cell: (row) => number(row.rights) },
    { name: t("stranded"), isNumber: true, cell: (row) => (row.units ? number(row.units) : "–") },
    { name: t("cost"), isNumber: true, cell: (row) => (row.units ? costText(costOf([row])) : "–") },
  ]} />`;
}

/** The state of a location as a pill; when it was heard last, if it is not connected here; its breaches. */
export const State = ({ row }) => html`
  <span class=${`pill ${TONES[row.state]}`}>${stateText(row)}</span>
  ${row.breaches > 0 && html` <span class="pill bad">${t("breaches", { n: row.breaches })}</span>`}
  ${row.state !== "here" && row.last_seen && html` <small class="beside">${t("seen", { age: since(row.last_seen) })}</small>`}`;
