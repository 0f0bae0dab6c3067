// What a SKU costs at a location, which document says so, and why the others do not count.

import { html, useState } from "../shell/view.mjs";
import { path, withQuery } from "../shell/api.mjs";
import { number, words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { ChoiceField } from "../widgets/fields.mjs";
import { Read } from "../widgets/states.mjs";
import { placeName, usePlaceNames } from "./place_names.mjs";

const t = words({
  title: ["Price", "价格"],
  at: ["At", "地点"],
  per: ["per {n}", "每 {n}"],
  none: ["No price in force.", "没有生效的价格。"],
  noPlace: ["A price is of a location, and no location ever had it.", "价格按地点确定，而还没有地点有过该商品。"],
  from: ["from", "来源"],
  chain: ["the chain", "全链"],
  region: ["the region {at}", "区域 {at}"],
  store: ["{at} itself", "门店 {at}"],
  instead: ["Not in force", "未生效"],
  promotions: ["Promotions now", "当前促销"],
  "overridden": ["overridden by a higher rank", "被更高级别覆盖"],
  "not-yet-valid": ["not valid yet", "尚未生效"],
  "no-longer-valid": ["no longer valid", "已失效"],
  "past-the-limits": ["past the limits of the chain", "超出总部限价"],
  "unreadable": ["written by a later version", "由更新的版本写入"],
});

export function Price({ sku, locations, names }) {
  const [chosen, setChosen] = useState("");
  const location = chosen || locations[0];
  const url = location ? withQuery(path`/v1/skus/${sku}`, { location }) : null;
  const reading = useReading(url, { keeps: true, concerns: (entry) => entry.kind === "document", everyMs: 60_000 });
  return html`<h2>${t("title")}</h2>
    ${!location ? html`<p>${t("noPlace")}</p>` : html`
      <${ChoiceField} label=${t("at")} value=${location} set=${setChosen} options=${locations.map((one) => [one, `${placeName(names, one)} (${one})`])} />
      <${Read} reading=${reading}>${(answer) => html`<${Amount} sku=${sku} answer=${answer} />`}<//>`}`;
}

function Amount({ sku, answer }) {
  const { price, promotions, unpriced } = answer;
  const others = price?.others ?? unpriced?.others ?? [];
  return html`
    ${price
      ? html`<p><strong class="figure-value">${money(price.amount, price.currency)}</strong> ${price.per > 1 && t("per", { n: price.per })}
          <span class="small">${t("from")} <${Source} kind="price" name=${sku} source=${price.source} /></span></p>`
      : html`<p>${t("none")}</p>`}
    ${others.length > 0 && html`<h3>${t("instead")}</h3><ul class="plain">${others.map((one) => html`
      <li><${Source} kind="price" name=${sku} source=${one.source} /> <span class="small">${why(one.why)}</span></li>`)}</ul>`}
    ${promotions.length > 0 && html`<h3>${t("promotions")}</h3><ul class="plain">${promotions.map((one) => html`
      <li><${Source} kind="promotion" name=${one.promotion} source=${one.source} text=${one.promotion} /> <span class="small">${one.reason}</span></li>`)}</ul>`}`;
}

const REASONS = ["overridden", "not-yet-valid", "no-longer-valid", "past-the-limits", "unreadable"];

const why = (reason) => (REASONS.includes(reason) ? t(reason) : reason);

/** The rank of a document in words, as a link to the document. */
function Source({ kind, name, source, text }) {
  const names = usePlaceNames();
  const rank = t(source.rank, { at: source.rank === "store" ? placeName(names, source.at) : source.at });
  const query = source.rank === "chain" ? "" : `?rank=${source.rank}&at=${encodeURIComponent(source.at)}`;
  return html`<a href=${`${to`/documents/${kind}/${name}`}${query}`}>${text ?? rank}</a>`;
}
