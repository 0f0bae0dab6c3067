// The policies: which one applies where, and what it keeps in the store.

import { html, useEffect, useState } from "../shell/view.mjs";
import { number, words } from "../shell/language.mjs";
import { usePages } from "../shell/reading.mjs";
import { fields, setFields, to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { TextField } from "../widgets/fields.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { policyText } from "./kind_words.mjs";
import { Forecast } from "./policy_forecast.mjs";

const t = words({
  title: ["Policies", "分配策略"],
  about: ["How much of the stock of a location the hubs may promise online. Only the most specific policy counts, and as a whole.", "各地点库存有多少可由枢纽线上承诺。只有最具体的一条策略生效。"],
  question: ["Which policy applies", "哪条策略生效"],
  location: ["Location", "地点"],
  item: ["Item", "商品"],
  selector: ["Policy for", "适用于"],
  what: ["What it says", "内容"],
  state: ["State", "状态"],
  applies: ["applies", "生效"],
  behind: ["a more specific one applies", "被更具体的策略取代"],
  absent: ["not written", "未写入"],
  ask: ["Name a location or an item to see which policy applies there.", "请填写地点或商品，查看生效的策略。"],
  nothing: ["No policy applies: the location keeps all its units.", "没有策略生效：该地点保留全部库存。"],
  all: ["All policies, the most specific first", "全部策略（最具体的在前）"],
  everything: ["everything", "全部"],
  ofItem: ["the item {item}", "商品 {item}"],
  ofLocation: ["the location {location}", "地点 {location}"],
  ofBoth: ["{item} at {location}", "{location} 的 {item}"],
  edit: ["Edit", "编辑"],
  write: ["Write", "新建"],
  version: ["Version", "版本"],
  none: ["No policy yet: each location keeps all its units, and nothing is sold online.", "还没有策略：各地点保留全部库存，不在线上销售。"],
  first: ["Write the policy for everything", "新建全局策略"],
});

/** The selectors that may apply, the most specific first. */
export const selectorsOf = (location, item) => [
  ...(location && item ? [`location:${location},item:${item}`] : []),
  ...(location ? [`location:${location}`] : []),
  ...(item ? [`item:${item}`] : []),
  "default",
];

/** The location and the item that a selector names. */
export function partsOf(selector) {
  const [, location, , item] = /^location:([^,]+)(,item:(.+))?$/.exec(selector) ?? [];
  return location ? { location, item } : { item: selector.startsWith("item:") ? selector.slice(5) : undefined };
}

const rankOf = ({ location, item }) => (location && item ? 0 : location ? 1 : item ? 2 : 3);

/** What a selector applies to, in words. */
function targetText(selector) {
  const parts = partsOf(selector);
  return t(["ofBoth", "ofLocation", "ofItem", "everything"][rankOf(parts)], parts);
}

const isPolicy = (entry) => entry.kind === "document" && entry.facts.kind === "policy";

export default function PoliciesPage() {
  const pages = usePages("/v1/documents/policy?limit=1000", { rowsOf: (answer) => answer.documents, concerns: isPolicy });
  return html`<h1>${t("title")}</h1><p class="small">${t("about")}</p>
    <${Read} reading=${pages}>${() => html`<${Question} policies=${pages.rows} /><${All} pages=${pages} />`}<//>`;
}

/** Which policy applies to an item at a location, and why the others do not. */
function Question({ policies }) {
  const chosen = fields();
  const [typed, setTyped] = useState({ location: chosen.get("location") ?? "", item: chosen.get("item") ?? "" });
  useEffect(() => setFields(typed), [typed]);
  const { location, item } = typed;
  const known = new Map(policies.map((one) => [one.key, one]));
  const rows = selectorsOf(location.trim(), item.trim()).map((selector) => ({ selector, policy: known.get(selector) }));
  const winner = rows.find((row) => row.policy);
  return html`<section class="card"><h2>${t("question")}</h2>
    <div class="inline filters">
      <${TextField} label=${t("location")} value=${location} autocomplete="off" set=${(text) => setTyped({ ...typed, location: text })} />
      <${TextField} label=${t("item")} value=${item} autocomplete="off" set=${(text) => setTyped({ ...typed, item: text })} />
    </div>
    ${!location && !item ? html`<p class="small">${t("ask")}</p>` : html`
      ${!winner && html`<p class="note warn">${t("nothing")}</p>`}
      <${Table} caption=${t("question")} rows=${rows} rowKey=${(row) => row.selector} columns=${[
        { name: t("selector"), isWide: true, cell: (row) => targetText(row.selector) },
        { name: t("what"), isLong: true, cell: (row) => (row.policy ? policyText(row.policy.value) : "–") },
        { name: t("state"), isLong: true, cell: (row) => html`<${Standing} row=${row} winner=${winner} />` },
        { name: t("edit"), cell: (row) => may("write-document") && html`<a href=${to`/documents/policy/${row.selector}`}>${t(row.policy ? "edit" : "write")}</a>` },
      ]} />
      ${location && item && winner && html`<${Forecast} location=${location.trim()} item=${item.trim()} policy=${winner.policy.value} />`}`}
  </section>`;
}

const Standing = ({ row, winner }) => html`<span class=${`pill ${row === winner ? "" : "quiet-pill"}`}>${t(row === winner ? "applies" : row.policy ? "behind" : "absent")}</span>`;

function All({ pages }) {
  if (pages.rows.length === 0) return html`<${Empty}><p>${t("none")}</p><a class="link-button" href=${to`/documents/policy/${"default"}`}>${t("first")}</a><//>`;
  const rows = [...pages.rows].sort((a, b) => rankOf(partsOf(a.key)) - rankOf(partsOf(b.key)) || a.key.localeCompare(b.key));
  return html`<${Table} caption=${t("all")} rows=${rows} rowKey=${(row) => row.key} columns=${[
    { name: t("selector"), isWide: true, cell: (row) => html`<a href=${to`/documents/policy/${row.key}`}>${targetText(row.key)}</a>` },
    { name: t("what"), isLong: true, cell: (row) => policyText(row.value) },
    { name: t("version"), isNumber: true, cell: (row) => number(row.version) },
  ]}><${More} pages=${pages} /><//>`;
}
