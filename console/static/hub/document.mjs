// One document: what is in effect and where it comes from, the editor of one rank, and what was written before.

import { html, useEffect, useMemo, useState } from "../shell/view.mjs";
import { get, path, withQuery } from "../shell/api.mjs";
import { number, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { StateMachine } from "../widgets/state_machine.mjs";
import { fields, setFields, to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { ChoiceField, TextField } from "../widgets/fields.mjs";
import { Read } from "../widgets/states.mjs";
import { DocumentHistory } from "./document_history.mjs";
import { Editor } from "./document_editor.mjs";
import { useOrderMachine } from "./order_machine.mjs";
import { placeName, usePlaceNames } from "./place_names.mjs";
import { kindText, ONLY_KEY, summary, useRanked } from "./kind_words.mjs";

const t = words({
  rank: ["Rank", "级别"],
  chain: ["chain", "全链"],
  region: ["region", "区域"],
  store: ["store", "门店"],
  at: ["Of which region or store", "哪个区域或门店"],
  effect: ["In effect", "生效情况"],
  effectAt: ["At location", "地点"],
  from: ["from {source}, version {version}", "来自{source}，版本 {version}"],
  fromChain: ["the chain", "全链"],
  fromRegion: ["the region {at}", "区域 {at}"],
  fromStore: ["{at} itself", "门店 {at}"],
  overrides: ["overrides", "覆盖"],
  nothing: ["No value is in effect there.", "此处没有生效的内容。"],
  name: ["Name the region or store to see and write its document.", "请填写区域或门店，以查看和编辑其主数据。"],
  machine: ["The table in force", "当前生效的流转表"],
  builtIn: ["It is the built-in one. Write a document to replace it.", "当前为内置流转表。写入主数据即可替换。"],
  sku: ["The SKU", "查看商品"],
});

const isAbsent = (problem) => problem.status === 404;

/** Read a document; one that nobody wrote is null. */
async function readOrNull(url, options) {
  try {
    return await get(url, options);
  } catch (problem) {
    if (isAbsent(problem)) return null;
    throw problem;
  }
}

export default function DocumentPage({ kind, name }) {
  const chosen = fields(), isRanked = useRanked().includes(kind);
  const rank = chosen.get("rank") ?? "chain", at = rank === "chain" ? "" : (chosen.get("at") ?? "");
  const slot = useMemo(() => (rank === "chain" ? {} : { rank, at }), [rank, at]);
  const isNamed = rank === "chain" || at !== "";
  const mine = (entry) => entry.kind === "document" && entry.facts.kind === kind && entry.facts.key === name;
  const standing = useReading(isNamed ? withQuery(path`/v1/documents/${kind}/${name}`, slot) : null, { read: readWrapped, concerns: mine });
  const schema = useReading(path`/v1/documents/${kind}/schema`);
  return html`<p class="trail"><a href=${ONLY_KEY[kind] ? "#/documents" : to`/documents/${kind}`}>${kindText(kind)}</a></p>
    <h1>${name}</h1>
    ${["sku", "price"].includes(kind) && html`<p class="links"><a href=${to`/skus/${name}`}>${t("sku")}</a></p>`}
    ${isRanked && html`<${Effect} kind=${kind} name=${name} mine=${mine} /><${Slot} rank=${rank} at=${at} />`}
    ${!isNamed ? html`<p>${t("name")}</p>` : html`
      <${Read} reading=${schema}>${(shape) => html`<${Read} reading=${standing}>${({ document }) => html`
        <${Current} kind=${kind} isAbsent=${document === null}>${(table) => html`<${Editor} begin=${table} key=${`${rank} ${at}`} kind=${kind} name=${name} slot=${slot} schema=${shape} standing=${document} canWrite=${may("write-document")} />`}<//>
        <${DocumentHistory} kind=${kind} name=${name} slot=${slot} version=${document?.version} />`}<//>`}<//>`}`;
}

/** The table of orders in force as a picture. A document that nobody wrote begins with it. */
function Current({ kind, isAbsent, children }) {
  if (kind !== "order_machine") return children(undefined);
  return html`<${Machine} isAbsent=${isAbsent}>${children}<//>`;
}

function Machine({ isAbsent, children }) {
  const machine = useOrderMachine();
  return html`<${Read} reading=${machine}>${(table) => html`
    <section class="card"><h2>${t("machine")}</h2>${isAbsent && html`<p>${t("builtIn")}</p>`}<${StateMachine} table=${table} /></section>
    ${children(table)}`}<//>`;
}

const readWrapped = async (url, options) => ({ document: await readOrNull(url, options) });

/** Which rank of the document is edited. */
function Slot({ rank, at }) {
  const [typed, setTyped] = useState(at);
  useEffect(() => setTyped(at), [at]);
  useEffect(() => {
    const timer = setTimeout(() => typed !== at && setFields({ at: typed }), 300);
    return () => clearTimeout(timer);
  }, [typed]);
  return html`<div class="inline filters">
    <${ChoiceField} label=${t("rank")} value=${rank} set=${(one) => setFields({ rank: one === "chain" ? "" : one, at: "" })}
      options=${["chain", "region", "store"].map((one) => [one, t(one)])} />
    ${rank !== "chain" && html`<${TextField} label=${t("at")} value=${typed} set=${setTyped} autocomplete="off" />`}
  </div>`;
}

/** What is in effect at a location, from which rank, and what it overrides. */
function Effect({ kind, name, mine }) {
  const chosen = fields();
  const [location, setLocation] = useState(chosen.get("rank") === "store" ? (chosen.get("at") ?? "") : "");
  const [asked, setAsked] = useState(location);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(location), 300);
    return () => clearTimeout(timer);
  }, [location]);
  const names = usePlaceNames();
  const reading = useReading(withQuery(path`/v1/documents/${kind}/${name}`, { location: asked }), { read: readWrapped, keeps: true, concerns: mine });
  return html`<section class="card"><h2>${t("effect")}</h2>
    <${TextField} label=${t("effectAt")} value=${location} set=${setLocation} autocomplete="off" placeholder=${t("chain")} />
    <${Read} reading=${reading}>${({ document }) => document === null ? html`<p>${t("nothing")}</p>` : html`
      <p><strong>${summary(kind, document.value)}</strong> <span class="small">${fromText(document, names)}</span></p>
      ${(document.overridden ?? []).map((one) => html`<p class="small">${t("overrides")} ${summary(kind, one.value)}, ${fromText(one, names)}</p>`)}`}<//>
  </section>`;
}

/** Whose document it is, and its version. */
function fromText({ rank = "chain", at = "", version }, names) {
  const source = { chain: "fromChain", region: "fromRegion", store: "fromStore" }[rank];
  return t("from", { source: t(source, { at: rank === "store" ? placeName(names, at) : at }), version: number(version) });
}
