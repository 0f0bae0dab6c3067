// The basket of a till: what the customer has, and what shall happen with it. It outlives the page and a reload.
//
// A basket has a number of its own from its first line on. The sale is written with it as the number of the till
// receipt, so that a retry is the same sale.

import { computed, signal } from "../shell/view.mjs";
import { keep, kept, remember, remembered } from "../shell/memory.mjs";

const NAME = "basket";

export const DAY_S = 86_400;

const EMPTY = {
  lines: [], // {sku, quantity, unit, recipe}: a quantity of null is not known yet
  number: "",
  sent: null, // {mode, request}: what was sent last, so that a retry is the same request
  original: "",
  disposition: "quarantine",
  isPromise: false,
  customer: "",
  ttl: 2 * 3_600,
};

/** What is in the basket now. */
export const basket = signal({ ...EMPTY, ...kept(NAME) });

/** The name of this till, as receipts and entries have it. */
export const till = signal(remembered("till") ?? "till-1");

export function nameTill(name) {
  till.value = name;
  remember("till", name);
}

/** Whether the basket can be written: it has goods, and each has a quantity. */
export const isReady = computed(() => basket.value.lines.length > 0 && basket.value.lines.every((line) => line.quantity > 0));

/** Change fields of the basket. */
export function change(fields) {
  basket.value = { ...basket.value, ...fields };
  keep(NAME, basket.value);
}

/** Begin anew. */
export function empty() {
  basket.value = EMPTY;
  keep(NAME, undefined);
}

/** Add goods. Goods of one SKU are one line; a quantity of undefined leaves the line as it is, or unknown. */
export function add(sku, quantity) {
  const { lines, number } = basket.value;
  const here = lines.find((line) => line.sku === sku.sku);
  const added = here
    ? lines.map((line) => (line === here && quantity ? { ...line, quantity: (line.quantity ?? 0) + quantity } : line))
    : [...lines, { sku: sku.sku, quantity: quantity ?? null, unit: sku.unit }];
  change({ lines: added, number: number || newNumber() });
}

/** Set the quantity of a line; null while the field has no number. */
export function setQuantity(sku, quantity) {
  change({ lines: basket.value.lines.map((line) => (line.sku === sku ? { ...line, quantity } : line)) });
}

export function remove(sku) {
  const lines = basket.value.lines.filter((line) => line.sku !== sku);
  if (lines.length) change({ lines });
  else empty();
}

/** The lines as the node wants them. */
export const requestLines = (lines) => lines.map(({ sku, quantity }) => ({ sku, quantity }));

/** A number that this location does not use twice: date, time, and two characters for tills of the same second. */
function newNumber(now = new Date()) {
  const digits = (value) => String(value).padStart(2, "0");
  const date = [now.getFullYear() % 100, now.getMonth() + 1, now.getDate()].map(digits).join("");
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(digits).join("");
  const some = Array.from(crypto.getRandomValues(new Uint8Array(2)), (byte) => "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[byte % 32]);
  return `${date}-${time}-${some.join("")}`;
}
