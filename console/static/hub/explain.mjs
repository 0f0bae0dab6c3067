// Why the stock of an item at a location is what it is: its movements, and how it went.

import { html } from "../shell/view.mjs";
import { path, withQuery } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { fields, setFields, to } from "../shell/route.mjs";
import { FIGURES } from "../widgets/accounts.mjs";
import { Explain } from "../widgets/explain.mjs";
import { useName } from "../widgets/names.mjs";
import { StockHistory } from "./stock_history.mjs";

const t = words({
  title: ["Why: {name}", "数字来源：{name}"],
  sku: ["All locations of this item", "该商品的全部地点"],
  location: ["Stock of {location}", "{location} 的库存"],
});

const links = { order: (order) => to`/orders/${order}`, receipt: (place, number) => to`/receipts/${place}/${number}` };

export default function ExplainPage({ location, item }) {
  const name = useName(item);
  const asked = fields().get("figure");
  const figure = FIGURES.includes(asked) ? asked : "on_hand";
  const url = path`/v1/explain/${location}/${item}`;
  return html`<p class="trail links"><a href=${to`/locations/${location}`}>${t("location", { location })}</a><a href=${to`/skus/${item}`}>${t("sku")}</a></p>
    <h1>${t("title", { name })} <small class="id">${item}</small></h1>
    <${StockHistory} url=${url} figure=${figure} />
    <${Explain} url=${withQuery(url, { limit: 50 })} figure=${figure} choose=${(one) => setFields({ figure: one })}
      links=${links} />`;
}
