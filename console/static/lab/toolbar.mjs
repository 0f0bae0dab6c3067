// What concerns the whole chain: the watched item, the shoppers, the automatic outages, and all lines.

import { html, useId } from "../shell/view.mjs";
import { named, words } from "../shell/language.mjs";
import { Act, Problem, useActs } from "./acting.mjs";
import { isBroken } from "./watching.mjs";

const t = words({
  controls: ["Controls of the whole chain", "全局控制"],
  item: ["Watched item", "观察的商品"],
  shoppers: ["Shoppers", "顾客"],
  outages: ["Automatic outages", "自动断网"],
  healAll: ["Heal all lines", "恢复所有线路"],
});

export function Toolbar({ now }) {
  const acts = useActs();
  return html`<section class="toolbar" aria-label=${t("controls")}>
    <${Watched} now=${now} acts=${acts} />
    <${Switch} text=${t("shoppers")} isOn=${now.shoppers} turn=${(on) => acts.act({ do: "shop", on })} />
    <${Switch} text=${t("outages")} isOn=${now.outages} turn=${(on) => acts.act({ do: "outages", on })} />
    <div class="spread"><${Act} acts=${acts} body=${{ do: "heal-all" }} tone=${isBroken(now.lines) ? "good" : "secondary outline"}>${t("healAll")}<//></div>
    <${Problem} writing=${acts.writing} />
  </section>`;
}

function Watched({ now, acts }) {
  const id = useId();
  return html`<div class="watched"><label for=${id}>${t("item")}</label>
    <select id=${id} value=${now.item.sku} onChange=${(event) => acts.act({ do: "watch", sku: event.target.value })}>
      ${now.items.map((one) => html`<option value=${one.sku} selected=${one.sku === now.item.sku}>${named(one.names, one.sku)}</option>`)}
    </select></div>`;
}

const Switch = ({ text, isOn, turn }) => html`<label class="switch">
  <input type="checkbox" role="switch" checked=${isOn} onChange=${(event) => turn(event.target.checked)} />${text}</label>`;
