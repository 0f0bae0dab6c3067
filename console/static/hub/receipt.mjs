// One till receipt of a location.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { to } from "../shell/route.mjs";
import { TillReceipt } from "../widgets/till_receipt.mjs";
import { placeName, usePlaceNames } from "./place_names.mjs";

const t = words({ title: ["Receipt {number}", "小票 {number}"] });

const links = {
  sku: (sku) => to`/skus/${sku}`,
  explain: (location, item) => to`/explain/${location}/${item}`,
  receipt: (location, number) => to`/receipts/${location}/${number}`,
};

export default function ReceiptPage({ location, number }) {
  const names = usePlaceNames();
  return html`<p class="trail"><a href=${to`/locations/${location}`}>${placeName(names, location)}</a></p>
    <h1>${t("title", { number })}</h1><${TillReceipt} number=${number} location=${location} links=${links} />`;
}
