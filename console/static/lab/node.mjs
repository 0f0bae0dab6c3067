// A node of the chain: its state, its digest, the watched item as it sees it, and what a person can do there.

import { html, useState } from "../shell/view.mjs";
import { ago, number, words } from "../shell/language.mjs";
import { Act, Problem, useActs } from "./acting.mjs";
import { Holders, Units } from "./rights.mjs";
import { isBroken, isTold, linesOf, linesOfRegion } from "./watching.mjs";

const t = words({
  console: ["Console", "控制台"],
  consoleOf: ["Open the console of {node}", "打开 {node} 的控制台"],
  serves: ["serves", "运行中"],
  at: ["at {hub}", "已连 {hub}"],
  alone: ["sells alone", "独立销售"],
  killed: ["killed", "已终止"],
  starting: ["starting", "启动中"],
  silent: ["no answer", "无响应"],
  old: ["As it was {age}.", "以下为{age}的状态。"],
  digest: ["digest", "摘要"],
  waiting: [{ one: "{n} entry waits", other: "{n} entries wait" }, "{n} 条记录待同步"],
  missing: [{ one: "lacks {n} entry", other: "lacks {n} entries" }, "缺 {n} 条记录"],
  same: ["same as the store", "与门店一致"],
  ahead: ["ahead of the store", "领先于门店"],
  onHand: ["on hand", "现货"],
  sales: ["{rate} sales/s", "{rate} 笔/秒"],
  noSales: ["no shoppers", "暂无顾客"],
  nothing: ["–", "–"],
  sell: ["Sell", "销售"],
  one: ["1 unit", "1 件"],
  last: ["last {n}", "最后 {n} 件"],
  tooMany: ["{n} too many", "超 {n} 件"],
  deliver: ["+{n}", "+{n}"],
  deliverTo: ["Deliver {n} units to {store}", "给 {store} 到货 {n} 件"],
  cutOff: ["Cut off", "断网"],
  heal: ["Heal", "恢复"],
  kill: ["kill -9", "强制终止"],
  start: ["Start", "启动"],
  knows: ["What {hub} knows", "{hub} 所知"],
  promise: ["may promise", "可承诺"],
  order: ["Order online", "线上下单"],
  cutRegion: ["Cut region off", "断开本区域"],
  healRegion: ["Heal region", "恢复本区域"],
  any: ["any store", "任一门店"],
  location: ["Store", "门店"],
});

const STALE_S = 2.5;
const SALE_PAST = 2, ORDER_PAST = 1; // units past the rights
const DELIVERY = 10;

const TONES = { killed: "bad", silent: "bad", starting: "warn" };

/** What a node does, in a pill. */
export function State({ node }) {
  const isAlone = !node.is_hub && node.state === "running" && !node.line;
  const text = node.state !== "running" ? t(node.state) : isAlone ? t("alone") : node.is_hub ? t("serves") : t("at", { hub: node.line });
  return html`<span class=${`pill ${TONES[node.state] ?? (isAlone ? "warn" : "")}`}>${text}</span>`;
}

/** A digest as a colour and its first letters. Equal digests of one store have equal colours. */
export const Digest = ({ known }) => html`<span class=${`digest group-${Math.min(known.group, 3)}`}>
  <span class="seal" aria-hidden="true"></span><span class="unseen">${t("digest")} </span><code>${known.digest || "–"}</code></span>`;

function Age({ node }) {
  if (node.age_s === null || node.age_s < (node.state === "running" ? STALE_S : 1)) return null;
  return html`<p class="note">${t("old", { age: ago(node.age_s) })}</p>`;
}

const kinds = (now, node) => ["node", node.is_hub ? "hub" : "store", node.state, isTold(now, node.name) && "told"].filter(Boolean).join(" ");

/** A node with everything, and its controls. */
export function NodeCard({ now, node }) {
  const acts = useActs();
  return html`<article class=${kinds(now, node)} data-node=${node.name} aria-label=${node.name}>
    <header><h2>${node.name} <small>${node.is_hub ? "" : node.city}</small></h2><${State} node=${node} /></header>
    <${Age} node=${node} />
    ${node.is_hub ? html`<${HubBody} now=${now} node=${node} acts=${acts} />` : html`<${StoreBody} now=${now} node=${node} acts=${acts} />`}
    <${Problem} writing=${acts.writing} />
    <footer>
      ${node.is_hub ? html`<${Region} now=${now} node=${node} acts=${acts} />` : html`<${CutOff} now=${now} node=${node} acts=${acts} />`}
      ${node.state === "killed"
        ? html`<${Act} acts=${acts} body=${{ do: "start", node: node.name }} label=${`${t("start")} ${node.name}`}>${t("start")}<//>`
        : html`<${Act} acts=${acts} body=${{ do: "kill", node: node.name }} tone="danger outline" label=${`${t("kill")} ${node.name}`}>${t("kill")}<//>`}
      ${!node.is_hub && html`<${Act} acts=${acts} body=${{ do: "deliver", store: node.name, quantity: DELIVERY }}
        label=${t("deliverTo", { n: DELIVERY, store: node.name })}>${t("deliver", { n: DELIVERY })}<//>`}
      <a href=${node.url} target="_blank" rel="noopener" aria-label=${t("consoleOf", { node: node.name })}>${t("console")}</a>
    </footer>
  </article>`;
}

function CutOff({ now, node, acts }) {
  const broken = isBroken(linesOf(now, node.name));
  const text = broken ? t("heal") : t("cutOff");
  return html`<${Act} acts=${acts} body=${{ do: broken ? "heal-store" : "cut-store", store: node.name }}
    tone=${broken ? "good" : "secondary outline"} label=${`${text} ${node.name}`}>${text}<//>`;
}

/** Cuts all lines between the region of a hub and the other regions, or heals them. */
function Region({ now, node, acts }) {
  const lines = linesOfRegion(now, node.region);
  if (lines.length === 0) return null;
  const isCut = lines.every((line) => line.state !== "whole");
  const text = t(isCut ? "healRegion" : "cutRegion");
  return html`<${Act} acts=${acts} body=${{ do: isCut ? "heal-region" : "cut-region", region: node.region }}
    tone=${isCut ? "good" : "secondary outline"} label=${`${text}: ${node.region}`}>${text}<//>`;
}

function StoreBody({ now, node, acts }) {
  const known = node.known[0];
  const stock = known?.stock;
  return html`
    <p class="facts">
      ${known && html`<${Digest} known=${known} />`}
      ${node.state === "running" && known?.missing > 0 && html`<span class="lacks">${t("missing", { n: known.missing })}</span>`}
      <span class=${node.waiting ? "waits" : ""}>${t("waiting", { n: node.waiting })}</span>
    </p>
    <div class="on-hand"><strong>${stock ? number(stock.on_hand) : t("nothing")}</strong> ${t("onHand")}<${Tills} node=${node} /></div>
    ${stock && html`<${Units} now=${now} stock=${stock} /><${Holders} now=${now} stock=${stock} />`}
    <${Amounts} acts=${acts} name=${t("sell")} node=${node.name} most=${Math.max(0, stock?.rights[node.name] ?? 0)} past=${SALE_PAST}
      body=${(quantity) => ({ do: "sell", store: node.name, quantity })} />`;
}

/** Buttons for one unit, for the last units that a node has rights to, and for more than these. */
function Amounts({ acts, name, node, most, past, body, children }) {
  const buttons = [[1, t("one")], most > 1 && [most, t("last", { n: most })], [most + past, t("tooMany", { n: past })]];
  return html`<div class="acts">
    <span class="acts-name">${name}</span>
    ${children}
    ${buttons.filter(Boolean).map(([quantity, text]) => html`<${Act} key=${text} acts=${acts} body=${body(quantity)}
      label=${`${name}: ${text}, ${node}`}>${text}<//>`)}
  </div>`;
}

/** The two tills of a store, and how fast they sell. */
const Tills = ({ node }) => html`<span class=${node.sales_per_s > 0 ? "tills busy" : "tills"}>
  <svg class="till" viewBox="0 0 26 12" aria-hidden="true"><rect x="0" y="3" width="11" height="9" rx="2" /><rect x="15" y="3" width="11" height="9" rx="2" />
    <rect x="3" y="0" width="5" height="3" /><rect x="18" y="0" width="5" height="3" /></svg>
  ${node.sales_per_s > 0 ? t("sales", { rate: number(node.sales_per_s, { maximumFractionDigits: node.sales_per_s < 10 ? 1 : 0 }) }) : t("noSales")}
</span>`;

function HubBody({ now, node, acts }) {
  return html`<ul class="knows" aria-label=${t("knows", { hub: node.name })}>
      ${node.known.map((known) => html`<${Known} key=${known.location} now=${now} known=${known} />`)}
    </ul>
    <${Orders} node=${node} acts=${acts} />`;
}

/** What a hub knows of one store, in two lines. */
const Known = ({ now, known }) => html`<li>
  <span class="of">${known.location} <${Digest} known=${known} /></span>
  <span class=${known.group > 0 ? "lacks" : "same"}>${known.missing ? t("missing", { n: known.missing }) : t(known.group > 0 ? "ahead" : "same")}</span>
  <span class="bar-of">${known.stock && html`<${Units} now=${now} stock=${known.stock} />`}</span>
  <span class="numbers">${known.stock ? number(known.stock.on_hand) : t("nothing")} ${t("onHand")} · ${t("promise")} <strong>${number(known.promise)}</strong></span>
</li>`;

function Orders({ node, acts }) {
  const [chosen, choose] = useState(null);
  const store = chosen ?? node.known[0]?.location ?? "";
  const places = node.known.filter((known) => !store || known.location === store);
  const most = places.reduce((sum, known) => sum + known.promise, 0); // a hub may send an order from several stores
  return html`<${Amounts} acts=${acts} name=${t("order")} node=${node.name} most=${most} past=${ORDER_PAST}
    body=${(quantity) => ({ do: "order", hub: node.name, store, quantity })}>
    <select class="from" value=${store} aria-label=${`${t("order")}: ${t("location")}, ${node.name}`} onChange=${(event) => choose(event.target.value)}>
      <option value="" selected=${store === ""}>${t("any")}</option>
      ${node.known.map((known) => html`<option value=${known.location} selected=${known.location === store}>${known.location}</option>`)}
    </select>
  <//>`;
}

/** A node in a picture with little room: the least that tells the story. */
export function SmallNode({ now, node }) {
  const stock = !node.is_hub && node.known[0]?.stock;
  return html`<div class=${`${kinds(now, node)} small-node`} data-node=${node.name}>
    <p class="name">${node.name}</p>
    <${State} node=${node} />
    ${node.is_hub
      ? html`<p class="seals">${node.known.map((known) => html`<span key=${known.location} class=${`digest group-${Math.min(known.group, 3)}`}
          title=${known.location}><span class="seal"></span></span>`)}</p>`
      : html`<p class="on-hand"><strong>${stock ? number(stock.on_hand) : t("nothing")}</strong>
          ${node.known[0] && html`<span class=${`digest group-${node.known[0].group}`}><span class="seal"></span></span>`}</p>
        ${stock && html`<${Units} now=${now} stock=${stock} />`}
        ${stock?.breach > 0 && html`<p class="breach">−${number(stock.breach)}</p>`}`}
  </div>`;
}
