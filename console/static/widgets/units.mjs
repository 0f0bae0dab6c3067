// Quantities with their unit: pieces are bare numbers, measured goods have the sign of their unit.

import { number, words } from "../shell/language.mjs";

const t = words({ pieces: [{ one: "{n} piece", other: "{n} pieces" }, "{n} 件"] });

// The signs of the UN/ECE Rec 20 codes of measured goods. They are the same in every language.
const SIGNS = {
  GRM: "g", KGM: "kg", MGM: "mg", HGM: "hg", TNE: "t", LBR: "lb", ONZ: "oz", MLT: "ml", LTR: "l", CLT: "cl", DLT: "dl",
  HLT: "hl", MTR: "m", CMT: "cm", MMT: "mm", DMT: "dm", MTK: "m²", CMK: "cm²", DMK: "dm²", MTQ: "m³", KWH: "kWh",
};

const LARGER = { GRM: ["KGM", 1_000], MLT: ["LTR", 1_000], CMT: ["MTR", 100], MMT: ["MTR", 1_000] };

/** Whether goods of this unit are measured, such as weighed, and not counted in pieces. */
export const isMeasured = (unit) => unit in SIGNS;

/** The sign of a unit, empty for pieces. */
export const sign = (unit) => SIGNS[unit] ?? "";

/** A quantity as people say it: 120, 350 g, 59.65 kg. With `isSigned` a plus stands before what is more than nothing. */
export function quantity(value, unit, { isSigned = false } = {}) {
  const style = isSigned ? { signDisplay: "exceptZero" } : {};
  const [larger, size] = LARGER[unit] ?? [];
  if (larger && Math.abs(value) >= size) {
    return `${number(value / size, { ...style, maximumFractionDigits: 3 })} ${SIGNS[larger]}`;
  }
  return isMeasured(unit) ? `${number(value, style)} ${SIGNS[unit]}` : number(value, style);
}

/** A quantity within a sentence: "3 pieces", "350 g". */
export const spoken = (value, unit) =>
  isMeasured(unit) ? quantity(value, unit) : t("pieces", { n: value });
