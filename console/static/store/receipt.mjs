// One till receipt of this store.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { to } from "../shell/route.mjs";
import { TillReceipt } from "../widgets/till_receipt.mjs";

const t = words({ title: ["Receipt {number}", "小票 {number}"] });

const links = {
  sku: (sku) => to`/items/${sku}`,
  explain: (location, item) => to`/explain/${item}`,
  receipt: (location, number) => to`/receipts/${number}`,
};

export default function ReceiptPage({ number }) {
  return html`<h1>${t("title", { number })}</h1><${TillReceipt} number=${number} links=${links} />`;
}
