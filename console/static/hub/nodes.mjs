// The nodes that the hub knows.

import { html } from "../shell/view.mjs";
import { moment, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { Empty, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";

const t = words({
  title: ["Nodes", "节点"],
  caption: ["Nodes that this hub knows", "本枢纽已知的节点"],
  node: ["Node", "节点"],
  region: ["Region", "区域"],
  state: ["State", "状态"],
  seen: ["Last seen", "最近联系"],
  connected: ["connected", "已连接"],
  away: ["away", "断线"],
  none: ["No node connected yet.", "还没有节点连接。"],
});

export default function NodesPage() {
  const nodes = useReading("/v1/nodes", { everyMs: 2_000 });
  return html`<h1>${t("title")}</h1>
    <${Read} reading=${nodes}>${(answer) => answer.nodes.length === 0
      ? html`<${Empty}>${t("none")}<//>`
      : html`<${Table} caption=${t("caption")} rows=${answer.nodes} rowKey=${(row) => row.node} columns=${[
          { name: t("node"), isWide: true, cell: (row) => row.node },
          { name: t("region"), cell: (row) => row.region ?? "–" },
          { name: t("state"), cell: (row) => html`<span class=${row.connected ? "pill" : "pill warn"}>
            ${row.connected ? t("connected") : t("away")}</span>` },
          { name: t("seen"), cell: (row) => (row.last_seen ? moment(row.last_seen) : "–") },
        ]} />`}<//>`;
}
