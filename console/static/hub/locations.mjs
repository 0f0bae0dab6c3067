// What the hub knows of the locations of the chain, and what it means for an operator.

import { get } from "../shell/api.mjs";
import { money } from "../shell/money.mjs";
import { ago, words } from "../shell/language.mjs";
import { nowMs } from "../shell/live.mjs";

const t = words({
  away: ["away", "断线"],
  elsewhere: ["at another hub", "连接其他枢纽"],
  atHub: ["at {hub}", "连接 {hub}"],
  here: ["connected", "已连接"],
  unowned: ["no node yet", "尚无节点"],
  unknown: ["being counted", "统计中"],
  unpriced: [{ one: "{n} unit without a price", other: "{n} units without a price" }, "{n} 件无价格"],
});

/** The states of a location, the one that needs a person first. */
export const STATES = ["away", "unowned", "elsewhere", "here"];

export const TONES = { away: "bad", unowned: "warn", elsewhere: "still", here: "good" };

export const stateName = (state) => t(state);

/** Read all pages of the locations. */
export async function readLocations(url, options) {
  const locations = [];
  let next = "";
  do {
    const page = await get(`${url}?limit=1000${next && `&cursor=${encodeURIComponent(next)}`}`, options);
    locations.push(...page.locations);
    next = page.next;
  } while (next);
  return locations;
}

/** The state of a location: `elsewhere` if another hub says that its node is connected there. */
export function stateOf(location) {
  if (location.owner === null) return "unowned";
  if (location.connected) return "here";
  return location.hub === null ? "away" : "elsewhere";
}

/** The state in words, with the other hub that has the connection. */
export const stateText = (location) => (location.state === "elsewhere" ? t("atHub", { hub: location.hub }) : stateName(location.state));

/** The units that nobody reaches. Those of a node that is connected to another hub can be asked for there. */
export const strandedUnits = (location) => (location.hub === null ? Object.values(location.stranded).reduce((sum, one) => sum + one.units, 0) : 0);

/** Sums of amounts by currency; `isWhole` is false while the hub has not counted some of them. */
export function costOf(locations) {
  const amounts = {};
  let unpriced = 0, isWhole = true;
  for (const location of locations) {
    for (const one of Object.values(location.stranded)) {
      if (one.cost === null) isWhole = false;
      unpriced += one.unpriced ?? 0;
      for (const [currency, amount] of Object.entries(one.cost ?? {})) amounts[currency] = (amounts[currency] ?? 0) + amount;
    }
  }
  return { amounts, unpriced, isWhole };
}

/** A cost as text. */
export function costText({ amounts, unpriced, isWhole }) {
  const parts = Object.entries(amounts).map(([currency, amount]) => money(amount, currency));
  if (unpriced) parts.push(t("unpriced", { n: unpriced }));
  if (!isWhole) parts.push(t("unknown"));
  return parts.length ? parts.join(" + ") : "–";
}

/** How long ago a moment was, by the clock of the page. */
export const since = (text) => (text ? ago((nowMs.value - Date.parse(text)) / 1000) : "–");

const fold = (text) => (text ?? "").toLowerCase();

/** Whether a location fits a text: its name, its id, its city or its region. */
export const fits = (location, text) =>
  [location.name, location.location, location.address?.city, location.region].some((one) => fold(one).includes(fold(text)));

/** Those in trouble first, then by name. */
export const inOrder = (rows) =>
  rows.sort((a, b) =>
    STATES.indexOf(a.state) - STATES.indexOf(b.state) || b.breaches - a.breaches || a.location.localeCompare(b.location, "en", { numeric: true }));
