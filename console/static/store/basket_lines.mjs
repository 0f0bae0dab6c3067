// The lines of a basket: name, quantity, price, what promotions take off and why.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { to } from "../shell/route.mjs";
import { Named, useName } from "../widgets/names.mjs";
import { PromotionText, sourceText } from "../widgets/promotions.mjs";
import { QuantityInput } from "../widgets/quantity_input.mjs";
import { quantity } from "../widgets/units.mjs";
import { basket, remove, setQuantity } from "./basket.mjs";

const t = words({
  lines: ["Goods in the basket", "购物篮中的商品"],
  remove: ["Remove {name}", "移除 {name}"],
  each: ["{price} each", "单价 {price}"],
  per: ["{price} per {unit}", "{price} / {unit}"],
  own: ["price of {source}", "{source}定价"],
  unpriced: ["no price", "无价格"],
  missing: ["enter the weight", "请输入重量"],
});

/**
 * `inputs`: a map of the quantity fields by SKU, for the focus. `leave` is called by Enter in a field, with what a scanner
 * typed there.
 */
export function BasketLines({ quote, inputs, isLocked, leave }) {
  return html`<ul class="basket" aria-label=${t("lines")}>
    ${basket.value.lines.map((line) => html`<${Line} key=${line.sku} line=${line} quote=${quote} inputs=${inputs}
      isLocked=${isLocked} leave=${leave} />`)}
  </ul>`;
}

function Line({ line, quote, inputs, isLocked, leave }) {
  const name = useName(line.sku);
  const priced = quote.answer?.lines.find((one) => one.sku === line.sku);
  const isUnpriced = quote.answer?.unpriced.some((one) => one.sku === line.sku);
  return html`<li class="basket-line">
    <div class="what"><${Named} id=${line.sku} href=${to`/items/${line.sku}`} />
      ${priced && html`<${UnitPrice} price=${priced.price} unit=${line.unit} />`}
      ${priced?.discounts.map((one) => html`<p class="discount"><${PromotionText} of=${one} />
        <span class="number">−${money(one.amount, priced.price.currency)}</span></p>`)}
    </div>
    <${QuantityInput} name=${name} unit=${line.unit} value=${line.quantity} set=${(units) => setQuantity(line.sku, units)}
      hasSteps isLocked=${isLocked} leave=${leave} keep=${(input) => inputs.current.set(line.sku, input)} />
    <strong class="number amount">${priced ? money(priced.net_amount, priced.price.currency)
      : isUnpriced ? t("unpriced") : !line.quantity ? t("missing") : quote.isWanted ? "…" : ""}</strong>
    <button type="button" class="icon" aria-label=${t("remove", { name })} disabled=${isLocked}
      onClick=${() => { remove(line.sku); leave(); }}>×</button>
  </li>`;
}

function UnitPrice({ price, unit }) {
  const text = money(price.amount, price.currency);
  return html`<small class="unit-price">${price.per > 1
      ? t("per", { price: text, unit: quantity(price.per, unit) })
      : t("each", { price: text })}
    ${price.source.rank !== "chain" && html` · ${t("own", { source: sourceText(price.source) })}`}</small>`;
}
