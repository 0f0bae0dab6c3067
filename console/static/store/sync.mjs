// The line to headquarters at one glance: whether it is there, what waits, and what the store may do without it.

import { html } from "../shell/view.mjs";
import { ago, number, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { Figure } from "../widgets/bar.mjs";
import { Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { isAlone } from "./node.mjs";

const t = words({
  title: ["Line to headquarters", "总部连接"],
  online: ["Connected to {hub}", "已连接 {hub}"],
  onlineText: ["Everything is sent as it happens.", "所有记录实时上传。"],
  catching: ["The store catches up with what happened while it was away.", "正在补传断线期间的记录。"],
  alone: ["This store runs alone", "本店独立运行"],
  aloneText: ["No hub is configured, so nothing is to be sent.", "未配置总部节点，无需上传。"],
  away: ["Headquarters is away", "总部断线"],
  awaySince: ["Headquarters is away, last heard {age}", "总部断线，上次联系：{age}"],
  awayText: [
    "Sell, receive and count as usual. Everything is kept here and sent when the line is back.",
    "可照常销售、收货、盘点。所有记录保存在本店，恢复连接后自动上传。",
  ],
  waiting: ["Waits to be sent", "待上传"],
  behind: ["Not received yet", "待接收"],
  unknown: ["unknown", "未知"],
  breaches: ["Items past the rights", "超卖商品数"],
  stranded: [
    "Of what is here, {node} alone may promise {n} units (pieces and grams) until the line is back. Goods in a customer's hand can be sold anyway.",
    "恢复连接前，店内有 {n}（件与克合计）仅 {node} 可承诺。顾客手中的商品仍可销售。",
  ],
  reason: ["What the node says: {reason}", "节点信息：{reason}"],
  details: ["For the help desk: node, digests and version vector", "供技术支持：节点、摘要与版本向量"],
  vector: ["Version vector", "版本向量"],
  scope: ["Scope", "范围"],
  writer: ["Writer", "写入者"],
  sequence: ["Entries", "记录数"],
  hash: ["Hash of the last", "末条哈希"],
  node: ["Node", "节点"],
  digest: ["Digest", "摘要"],
});

export default function SyncPage() {
  const status = useReading("/v1/status", { everyMs: 1_500 });
  return html`<h1>${t("title")}</h1>
    <${Read} reading=${status}>${(answer) => html`<${Glance} status=${answer} /><${Details} status=${answer} />`}<//>`;
}

function Glance({ status }) {
  const { behind, connected, hub } = status;
  const [tone, title, text] = connected
    ? ["good", t("online", { hub }), behind.entries ? t("catching") : t("onlineText")]
    : isAlone(status)
      ? ["good", t("alone"), t("aloneText")]
      : ["warn", behind.seconds === null ? t("away") : t("awaySince", { age: ago(behind.seconds) }), t("awayText")];
  return html`<section class=${`glance ${tone}`} role="status"><strong>${title}</strong><p>${text}</p></section>
    <div class="figures">
      <${Figure} name=${t("waiting")} value=${number(status.unacknowledged)} />
      <${Figure} name=${t("behind")} value=${behind.entries === null ? t("unknown") : number(behind.entries)} />
      <${Figure} name=${t("breaches")} value=${number(Object.keys(status.breaches).length)} href="#/stock?only=breach"
        isBad=${Object.keys(status.breaches).length > 0} />
    </div>
    ${Object.entries(status.stranded).map(([node, units]) => html`<p class="offline">${t("stranded", { node, n: units })}</p>`)}
    ${status.reason && !isAlone(status) && html`<p class="small">${t("reason", { reason: status.reason })}</p>`}`;
}

function Details({ status }) {
  const rows = Object.entries(status.version_vector).flatMap(([scope, writers]) =>
    Object.entries(writers).map(([writer, head]) => ({ scope, writer, ...head })));
  return html`<details class="card"><summary>${t("details")}</summary>
    <p class="small mono">${t("node")}: ${status.writer}<br />${Object.entries(status.digests).map(([scope, digest]) =>
      html`${t("digest")} ${scope}: ${digest}<br />`)}</p>
    <${Table} caption=${t("vector")} rows=${rows} rowKey=${(row) => `${row.scope} ${row.writer}`} columns=${[
      { name: t("writer"), isWide: true, cell: (row) => html`<span class="mono">${row.writer}</span>` },
      { name: t("scope"), cell: (row) => row.scope },
      { name: t("sequence"), isNumber: true, cell: (row) => number(row.sequence) },
      { name: t("hash"), cell: (row) => html`<span class="mono">${row.hash.slice(0, 12)}</span>` },
    ]} /></details>`;
}
