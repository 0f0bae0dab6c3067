// How a figure of an item at a location went: computed backwards from what it is now, by the newest movements.

import { html, useMemo } from "../shell/view.mjs";
import { withQuery } from "../shell/api.mjs";
import { moment, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { changeOf } from "../widgets/explain.mjs";
import { Plot } from "../widgets/plot.mjs";
import { quantity } from "../widgets/units.mjs";

const t = words({
  on_hand: ["On hand", "现货"],
  reserved: ["Reserved", "预占"],
  quarantined: ["Quarantined", "隔离"],
  available: ["Available", "可售"],
  label: ["{figure} since {since}, by {n} movements", "{figure}（自 {since} 起，{n} 次变动）"],
});

const NEWEST = 500;

/** The figure after each movement, oldest first: `{times, values}`. Movements of one second are one point. */
export function historyOf(stock, movements, figure) {
  const points = new Map();
  let value = stock[figure];
  for (const entry of movements) { // newest first
    const change = changeOf(entry, stock.item, figure), at = Math.floor(Date.parse(entry.at) / 1000);
    if (!points.has(at)) points.set(at, value);
    value -= change;
  }
  const times = [...points.keys()].sort((a, b) => a - b);
  return { times, values: times.map((at) => points.get(at)) };
}

export function StockHistory({ url, figure }) {
  const { answer } = useReading(withQuery(url, { limit: NEWEST }), { concerns: (entry) => entry.moves.length > 0 });
  const { times, values } = useMemo(() => (answer ? historyOf(answer.stock, answer.movements, figure) : { times: [], values: [] }), [answer, figure]);
  if (times.length < 2) return null;
  const label = t("label", { figure: t(figure), since: moment(times[0] * 1000), n: answer.movements.length });
  return html`<${Plot} label=${label} times=${times} series=${[{ name: t(figure), values, isStepped: true }]}
    text=${(value) => quantity(value, answer.stock.unit)} />`;
}
