// Why a figure of an item is what it is, down to the receipts.

import { html } from "../shell/view.mjs";
import { path, withQuery } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { fields, setFields, to } from "../shell/route.mjs";
import { FIGURES } from "../widgets/accounts.mjs";
import { Explain } from "../widgets/explain.mjs";
import { useName } from "../widgets/names.mjs";
import { Loading } from "../widgets/states.mjs";
import { nodeStatus } from "./node.mjs";

const t = words({
  title: ["Why: {name}", "数字来源：{name}"],
  back: ["Stock of this item", "查看该商品库存"],
});

const links = { order: (order) => to`/orders/${order}`, receipt: (location, number) => to`/receipts/${number}` };

export default function ExplainPage({ item }) {
  const name = useName(item);
  const asked = fields().get("figure");
  const figure = FIGURES.includes(asked) ? asked : "on_hand";
  const node = nodeStatus.value?.node ?? "";
  return html`<h1>${t("title", { name })}</h1>
    <p><a href=${to`/items/${item}`}>${t("back")}</a> ${name !== item && html`<small class="id">${item}</small>`}</p>
    ${figure === "rights" && !node
      ? html`<${Loading} />`
      : html`<${Explain} url=${withQuery(path`/v1/explain/${item}`, { limit: 50 })} figure=${figure} node=${node}
          choose=${(one) => setFields({ figure: one })} links=${links} />`}`;
}
