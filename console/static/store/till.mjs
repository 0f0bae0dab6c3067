// The till: scan or search goods, then sell them, take them back, or hold them for a customer.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { fields } from "../shell/route.mjs";
import { ScanField } from "../widgets/scan.mjs";
import { useWriting } from "../widgets/fields.mjs";
import { isMeasured } from "../widgets/units.mjs";
import { add, basket, change, empty, isReady } from "./basket.mjs";
import { BasketLines } from "./basket_lines.mjs";
import { MODES, requestOf } from "./till_modes.mjs";
import { Outcome } from "./till_outcome.mjs";
import { TillPanel } from "./till_panel.mjs";
import { Away } from "./away.mjs";
import { useQuote } from "./quoting.mjs";

const t = words({
  title: ["Till", "收银台"],
  kinds: ["What to do with the goods", "业务类型"],
  sell: ["Sell", "销售"],
  return: ["Take back", "退货"],
  hold: ["Hold for a customer", "为顾客预留"],
  empty: [
    "Scan the first goods, or type a part of their name.",
    "请扫描第一件商品，或输入名称的一部分。",
  ],
  keys: ["Enter adds · Ctrl+Enter finishes", "回车添加 · Ctrl+回车完成"],
});

/** Quantity of goods of which the barcode says only the price. */
const fromAmount = ({ amount, sku }) =>
  amount && sku.price?.amount ? Math.max(1, Math.round((amount * sku.price.per) / sku.price.amount)) : undefined;

export default function TillPage() {
  const field = useRef(null), feed = useRef(null), weights = useRef(new Map());
  const [outcome, setOutcome] = useState(null);
  const writing = useWriting("till");
  const { lines, sent } = basket.value;
  const isUnknown = Boolean(sent) && (writing.isUnreached || writing.problem?.status >= 500);
  const asked = MODES.includes(fields().get("do")) ? fields().get("do") : "sell";
  const mode = sent && (isUnknown || writing.isSending) ? sent.mode : asked;
  const quote = useQuote(lines, mode !== "hold");
  useEffect(() => {
    field.current?.focus();
    if (!isUnknown) writing.clear();
  }, [mode]);

  const choose = (found) => {
    const quantity = found.quantity ?? fromAmount(found) ?? (isMeasured(found.sku.unit) ? undefined : 1);
    if (!basket.value.lines.length) setOutcome(null);
    add(found.sku, quantity);
    // weighed goods without a weight: type it, and Enter leads back
    if (quantity === undefined) requestAnimationFrame(() => weights.current.get(found.sku.sku)?.focus());
  };
  const finish = async () => {
    if (writing.isSending) return;
    await feed.current.done(); // goods that were scanned belong to the basket, also while the node looks them up
    if (!isReady.value) return;
    // what was sent and not answered is sent again as it was, even if the till has another name now
    if (!isUnknown) change({ sent: { mode, request: requestOf(mode, basket.value) } });
    const { sent, lines, number } = basket.value;
    const answer = await writing.send("POST", ...sent.request);
    if (!answer) return;
    setOutcome({ mode: sent.mode, lines, number, answer });
    empty();
    requestAnimationFrame(() => field.current?.focus());
  };
  const leave = (scan) => (scan ? feed.current.scan(scan) : field.current?.focus());
  const press = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    finish();
  };
  return html`<div class="till" onKeyDown=${press}>
    <div class="title-row"><h1>${t("title")}</h1>${!isUnknown && html`<${Modes} mode=${mode} />`}</div>
    <${Away} />
    <div class="columns">
      <div>
        <${ScanField} choose=${choose} field=${field} feed=${feed} isDisabled=${isUnknown} />
        ${lines.length === 0 && (outcome
          ? html`<${Outcome} outcome=${outcome} />`
          : html`<p class="empty">${t("empty")}<br /><small>${t("keys")}</small></p>`)}
        ${lines.length > 0 && html`<${BasketLines} quote=${quote} inputs=${weights} isLocked=${isUnknown || writing.isSending}
          leave=${leave} />`}
      </div>
      <${TillPanel} key=${mode} mode=${mode} quote=${quote} writing=${writing} isUnknown=${isUnknown} finish=${finish}
        leave=${leave} />
    </div>
  </div>`;
}

function Modes({ mode }) {
  return html`<nav class="modes" aria-label=${t("kinds")}>
    ${MODES.map((one) => html`<a href=${one === "sell" ? "#/" : `#/?do=${one}`} aria-current=${one === mode ? "true" : undefined}>
      ${t(one)}</a>`)}
  </nav>`;
}
