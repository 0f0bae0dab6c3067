// Other stores that have a SKU, as headquarters said last; also while the line is cut.

import { html } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { ago, number, words } from "../shell/language.mjs";
import { nowMs } from "../shell/live.mjs";
import { useReading } from "../shell/reading.mjs";
import { Read } from "../widgets/states.mjs";
import { quantity } from "../widgets/units.mjs";

const t = words({
  title: ["In other stores", "其他门店库存"],
  none: ["No other store has any.", "其他门店均无库存。"],
  unknown: ["Headquarters is away, and this store has not asked about it before.", "总部断线，且此前未查询过该商品。"],
  known: ["As headquarters said {age}.", "总部数据，更新于{age}。"],
  away: ["The line is cut, so this may have changed.", "当前断线，数据可能已变化。"],
  km: ["{n} km", "{n} 公里"],
  seen: ["seen {age}", "{age}的数据"],
});

const age = (time) => ago((nowMs.value - Date.parse(time)) / 1_000);

export function Elsewhere({ sku, unit }) {
  const reading = useReading(path`/v1/elsewhere/${sku}`, { everyMs: 30_000 });
  return html`<section class="card"><h2>${t("title")}</h2>
    <${Read} reading=${reading}>${(answer) => html`
      ${answer.known_at === null
        ? html`<p class="offline">${t("unknown")}</p>`
        : html`<p class="small">${t("known", { age: age(answer.known_at) })}${!answer.connected && html` <strong>${t("away")}</strong>`}</p>`}
      ${answer.known_at !== null && answer.locations.length === 0 && html`<p>${t("none")}</p>`}
      <ul class="places">${answer.locations.map((one) => html`<li>
        <span class="what"><strong>${one.name || one.location}</strong> <small class="id">${one.location}</small><br />
          <small>${placeText(one)}${one.as_of && html` · ${t("seen", { age: age(one.as_of) })}`}</small></span>
        <strong class="number">${quantity(one.sellable, unit)}</strong></li>`)}</ul>`}<//>
  </section>`;
}

const placeText = ({ address, distance_km: km }) =>
  [address.lines?.join(", "), address.city, km !== null && t("km", { n: number(km, { maximumFractionDigits: 1 }) })]
    .filter(Boolean)
    .join(" · ");
