// The documents of one kind: those in effect in the chain, or at a location.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { path, withQuery } from "../shell/api.mjs";
import { number, words } from "../shell/language.mjs";
import { usePages } from "../shell/reading.mjs";
import { fields, open, setFields, to } from "../shell/route.mjs";
import { may } from "../shell/session.mjs";
import { Field, TextField } from "../widgets/fields.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { kindAbout, kindText, summary, useRanked } from "./kind_words.mjs";

const t = words({
  all: ["All kinds", "全部类别"],
  begins: ["Key begins with", "编号开头"],
  hint: ["Enter opens the document with this key; a new one is begun.", "按回车键打开该编号；不存在则新建。"],
  at: ["In effect at location", "生效地点"],
  open: ["Open or begin", "打开或新建"],
  caption: ["Documents in effect", "生效的主数据"],
  key: ["Key", "编号"],
  value: ["Value", "内容"],
  from: ["From", "来源"],
  chain: ["chain", "全链"],
  version: ["Version", "版本"],
  none: ["No document yet. Type its key above, and press Enter.", "还没有主数据。请在上方输入编号并按回车键。"],
  noFit: ["No document in effect begins so.", "没有以此开头的生效主数据。"],
  more: ["Go on", "继续查找"],
});

const TYPING_MS = 150;

export default function DocumentsPage({ kind }) {
  const chosen = fields();
  const [typed, setTyped] = useState({ prefix: chosen.get("prefix") ?? "", location: chosen.get("location") ?? "" });
  useEffect(() => {
    const timer = setTimeout(() => setFields(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const url = withQuery(path`/v1/documents/${kind}`, { prefix: chosen.get("prefix"), location: chosen.get("location"), limit: 100 });
  const pages = usePages(url, { rowsOf: (answer) => answer.documents, keeps: true, concerns: (entry) => entry.kind === "document" && entry.facts.kind === kind });
  const isRanked = useRanked().includes(kind);
  const box = useRef(null);
  useEffect(() => box.current?.focus(), []);
  const submit = (event) => {
    event.preventDefault();
    if (typed.prefix) open(to`/documents/${kind}/${typed.prefix}`);
  };
  return html`<p class="trail"><a href="#/documents">${t("all")}</a></p>
    <h1>${kindText(kind)}</h1><p class="small">${kindAbout(kind)}</p>
    <form class="inline filters" onSubmit=${submit}>
      <${Field} label=${t("begins")} hint=${t("hint")}>${(attributes) => html`
        <input ...${attributes} ref=${box} type="search" autocomplete="off" value=${typed.prefix} onInput=${(event) => setTyped({ ...typed, prefix: event.target.value })} />`}<//>
      ${isRanked && html`<${TextField} label=${t("at")} value=${typed.location} set=${(location) => setTyped({ ...typed, location })} />`}
      ${may("write-document") && html`<button type="submit" class="beside-fields" disabled=${!typed.prefix}>${t("open")}</button>`}
    </form>
    <${Read} reading=${pages}>${() => pages.rows.length === 0
      ? html`<${Empty}><p>${t(typed.prefix ? "noFit" : "none")}</p><${More} pages=${pages} /><//>`
      : html`<${Rows} kind=${kind} isRanked=${isRanked} pages=${pages} />`}<//>`;
}

function Rows({ kind, isRanked, pages }) {
  const from = { name: t("from"), cell: (row) => (row.rank && row.rank !== "chain" ? `${row.rank} ${row.at ?? ""}` : t("chain")) };
  return html`<${Table} caption=${t("caption")} rows=${pages.rows} rowKey=${(row) => row.key} columns=${[
    { name: t("key"), isWide: true, cell: (row) => html`<a href=${addressOf(kind, row)}>${row.key}</a>` },
    { name: t("value"), isWide: true, cell: (row) => summary(kind, row.value) },
    ...(isRanked ? [from] : []),
    { name: t("version"), isNumber: true, cell: (row) => number(row.version) },
  ]}><${More} pages=${pages} /><//>`;
}

const addressOf = (kind, row) =>
  withQuery(to`/documents/${kind}/${row.key}`, row.rank && row.rank !== "chain" ? { rank: row.rank, at: row.at } : {});
