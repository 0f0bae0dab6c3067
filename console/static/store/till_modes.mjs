// What a till does with a basket, and the request that does it.

import { basket, requestLines, till } from "./basket.mjs";

export const MODES = ["sell", "return", "hold"];

/** The address and the body that write a basket. The same basket makes the same body, so a retry is the same request. */
export function requestOf(mode, { lines, number, original, disposition, isPromise, customer, ttl }) {
  const goods = requestLines(lines);
  switch (mode) {
    case "return":
      return ["/v1/returns", { lines: goods, disposition, till: till.value, receipt: number, ...(original && { original }) }];
    case "hold":
      return ["/v1/holds", { order: `hold-${number}`, lines: goods, customer, ttl_s: ttl, wait_ms: 3_000 }];
    default:
      return ["/v1/sales", { lines: goods, on_shortage: isPromise ? "refuse" : "record", till: till.value, receipt: number }];
  }
}

/** How many of a SKU are in the basket. */
export const inBasket = (sku) => basket.value.lines.find((line) => line.sku === sku)?.quantity ?? 0;
