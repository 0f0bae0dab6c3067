// The nodes that the hub knows: their link, their lag, their software, and the rights that only they have.

import { html } from "../shell/view.mjs";
import { moment, number, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { Figure } from "../widgets/bar.mjs";
import { Empty, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { since } from "./locations.mjs";

const t = words({
  title: ["Nodes", "节点"],
  caption: ["Nodes that this hub knows", "本枢纽已知的节点"],
  node: ["Node", "节点"],
  role: ["Role", "角色"],
  edge: ["store", "门店"],
  hub: ["hub", "枢纽"],
  region: ["Region", "区域"],
  state: ["State", "状态"],
  seen: ["Last seen", "最近联系"],
  lag: ["Lag", "落后"],
  waiting: ["Entries waiting", "待同步记录"],
  software: ["Software", "软件版本"],
  stranded: ["Stranded units", "滞留可承诺量"],
  connected: ["connected", "已连接"],
  away: ["not connected here", "未连接本枢纽"],
  atHub: ["at {hub}", "连接 {hub}"],
  several: ["Nodes run different versions. Update those that are behind.", "节点版本不一致，请升级旧版本。"],
  reason: ["Why: {reason}", "原因：{reason}"],
  count: ["Connected", "已连接"],
  none: ["No node connected yet. Start an edge node with the address of this hub.", "还没有节点连接。请用本枢纽的地址启动门店节点。"],
});

export default function NodesPage() {
  const nodes = useReading("/v1/nodes", { everyMs: 2_000 });
  return html`<h1>${t("title")}</h1>
    <${Read} reading=${nodes}>${(answer) => answer.nodes.length === 0
      ? html`<${Empty}>${t("none")}<//>`
      : html`<${Nodes} rows=${answer.nodes} />`}<//>`;
}

function Nodes({ rows }) {
  const ordered = [...rows].sort((a, b) => a.connected - b.connected || a.node.localeCompare(b.node, "en", { numeric: true }));
  const versions = new Set(rows.map((row) => row.software).filter(Boolean));
  const units = (row) => (row.hub ? 0 : Object.values(row.stranded).reduce((sum, one) => sum + one, 0));
  return html`
    <div class="figures"><${Figure} name=${t("count")} value=${`${number(rows.filter((row) => row.connected).length)} / ${number(rows.length)}`} /></div>
    ${versions.size > 1 && html`<p class="note warn">${t("several")}</p>`}
    <${Table} caption=${t("caption")} rows=${ordered} rowKey=${(row) => row.node} columns=${[
      { name: t("node"), isWide: true, cell: (row) => html`<strong>${row.node}</strong>` },
      { name: t("role"), cell: (row) => (row.role ? (row.role === "hub" ? t("hub") : t("edge")) : "–") },
      { name: t("region"), cell: (row) => row.region ?? "–" },
      { name: t("state"), isLong: true, cell: (row) => html`<span class=${row.connected ? "pill" : row.hub ? "pill still" : "pill warn"}>${
          row.connected ? t("connected") : row.hub ? t("atHub", { hub: row.hub }) : t("away")}</span>
        ${row.reason && !row.hub && html` <small class="beside">${t("reason", { reason: row.reason })}</small>`}` },
      { name: t("seen"), cell: (row) => (row.last_seen ? html`<span title=${moment(row.last_seen)}>${since(row.last_seen)}</span>` : "–") },
      { name: t("lag"), isNumber: true, cell: (row) => (row.behind === null ? "–" : number(row.behind)) },
      { name: t("waiting"), isNumber: true, cell: (row) => (row.unacknowledged === null ? "–" : number(row.unacknowledged)) },
      { name: t("software"), cell: (row) => row.software ?? "–" },
      { name: t("stranded"), isNumber: true, cell: (row) => units(row) === 0 ? "–" : html`${Object.entries(row.stranded).map(([location, one]) => html`
        <div><a href=${to`/locations/${location}`}>${location}</a> ${number(one)}</div>`)}` },
    ]} />`;
}
