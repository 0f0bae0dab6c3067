// Amounts of money: whole minor units of an ISO 4217 currency, as the node keeps them.

import { formatter } from "./language.mjs";

// Currencies whose minor unit is not a hundredth. A test compares the table with that of the node.
export const DIGITS = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0,
  VUV: 0, XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
  CLF: 4, UYW: 4,
};

/** An amount as it is written in the language of the page: 1999 EUR is €19.99. */
export function money(amount, currency) {
  const digits = DIGITS[currency] ?? 2;
  const style = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
  return formatter("NumberFormat", style).format(amount / 10 ** digits);
}

/** An amount as a field has it: digits and a point, without the currency. */
export function amountText(amount, currency) {
  const digits = DIGITS[currency] ?? 2;
  return (amount / 10 ** digits).toFixed(digits);
}

/** The minor units of what somebody typed, such as `1.99` or `1,99`; null if it is no amount of the currency. */
export function amountOf(text, currency) {
  const digits = DIGITS[currency] ?? 2;
  const [, whole, part = ""] = /^\s*(\d{1,12})(?:[.,](\d+))?\s*$/.exec(text) ?? [];
  if (whole === undefined || part.length > digits) return null;
  return Number(whole) * 10 ** digits + Number(part.padEnd(digits, "0") || 0);
}
