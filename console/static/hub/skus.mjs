// Find a SKU in the whole chain.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { withQuery } from "../shell/api.mjs";
import { language, named, number, words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { usePages } from "../shell/reading.mjs";
import { fields, setFields, to } from "../shell/route.mjs";
import { ChoiceField, Field } from "../widgets/fields.mjs";
import { Empty, More, Read } from "../widgets/states.mjs";
import { Table } from "../widgets/table.mjs";
import { useOpenFirst } from "./open_first.mjs";

const t = words({
  title: ["SKUs", "商品"],
  search: ["Name, brand, category or number", "名称、品牌、品类或编号"],
  hint: ["Enter opens the first one.", "按回车键打开第一个。"],
  status: ["Show", "显示"],
  active: ["sold now", "在售"],
  ended: ["ended", "已停售"],
  any: ["all", "全部"],
  sort: ["Order", "排序"],
  best: ["best match", "最匹配"],
  byName: ["name", "名称"],
  fewest: ["fewest left", "库存从少到多"],
  most: ["most left", "库存从多到少"],
  dearest: ["price, high to low", "价格从高到低"],
  caption: ["SKUs that fit", "符合条件的商品"],
  catalogue: ["All SKUs", "全部商品"],
  sku: ["SKU", "商品"],
  group: ["Brand and category", "品牌与品类"],
  price: ["Price", "价格"],
  available: ["Can be sold", "可售"],
  none: ["No SKU fits. Shorten the text, or write a SKU.", "没有符合条件的商品。请缩短文字，或新建商品。"],
  write: ["Write a SKU", "新建商品"],
  capped: ["More SKUs fit than a search looks at. Type more to see others.", "符合条件的商品太多，请输入更多文字。"],
});

const TYPING_MS = 120;
const ROWS = 30; // the hub adds up all locations for each of them

export default function SkusPage() {
  const chosen = fields();
  const [text, setText] = useState(chosen.get("q") ?? "");
  const [status, sort] = [chosen.get("status") ?? "active", chosen.get("sort") ?? ""];
  useEffect(() => {
    const timer = setTimeout(() => setFields({ q: text }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const q = chosen.get("q") ?? "";
  const query = { q, status: status === "active" ? "" : status, sort, language: sort === "name" ? language.value : "", limit: ROWS };
  const url = withQuery("/v1/search", query);
  const found = usePages(url, { rowsOf, keeps: true, concerns: isDocument });
  const box = useRef(null);
  useEffect(() => box.current?.focus(), []);
  const openFirst = useOpenFirst({ typed: text, asked: q, url, pages: found, addressOf: (row) => to`/skus/${row.sku}` });
  const submit = (event) => {
    event.preventDefault();
    openFirst();
  };
  return html`<h1>${t("title")}</h1>
    <form class="inline filters" onSubmit=${submit}>
      <${Field} label=${t("search")} hint=${t("hint")}>${(attributes) => html`
        <input ...${attributes} ref=${box} type="search" autocomplete="off" value=${text} onInput=${(event) => setText(event.target.value)} />`}<//>
      <${ChoiceField} label=${t("status")} value=${status} set=${(one) => setFields({ status: one })}
        options=${["active", "ended", "any"].map((one) => [one, t(one)])} />
      <${ChoiceField} label=${t("sort")} value=${sort} set=${(one) => setFields({ sort: one })}
        options=${[["", t("best")], ["name", t("byName")], ["available", t("fewest")], ["-available", t("most")], ["-price", t("dearest")]]} />
    </form>
    <${Read} reading=${found}>${() => found.rows.length === 0
      ? html`<${Empty}><p>${t("none")}</p><a class="link-button" href="#/documents/sku">${t("write")}</a><//>`
      : html`<${Found} found=${found} isAll=${!q && !sort} />`}<//>`;
}

const isDocument = (entry) => entry.kind === "document";

const rowsOf = (answer) => answer.skus;

function Found({ found, isAll }) {
  return html`<${Table} caption=${t(isAll ? "catalogue" : "caption")} rows=${found.rows} rowKey=${(row) => row.sku} columns=${[
      { name: t("sku"), isWide: true, cell: (row) => html`<a href=${to`/skus/${row.sku}`}>${named(row.names, row.sku)}</a> <small class="id">${row.sku}</small>` },
      { name: t("group"), cell: (row) => html`<span class="small">${[row.attributes?.brand, row.attributes?.category].filter(Boolean).join(" · ") || "–"}</span>` },
      { name: t("price"), isNumber: true, cell: (row) => (row.price === undefined ? "–" : money(row.price, row.currency)) },
      { name: t("available"), isNumber: true, cell: (row) => number(row.available) },
    ]}><${More} pages=${found} /><//>
    ${!isAll && found.answer.is_capped && html`<p class="small">${t("capped")}</p>`}`;
}
