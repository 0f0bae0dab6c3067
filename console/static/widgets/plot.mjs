// A plot of figures over time, drawn by uPlot, which is loaded when the first plot is shown.
//
// The picture is for the eye; `label` says in a sentence what it shows, for those who do not see it.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { briefly, language, number, words } from "../shell/language.mjs";
import { Failed, Loading } from "./states.mjs";

const t = words({ time: ["Time", "时间"] });

const HEIGHT = 220;

let loading = null;

/** uPlot and its styles, loaded once. A failed load is tried again by the next plot. */
function load() {
  loading ??= Promise.all([import("../third_party/uplot.mjs"), styles()])
    .then(([module]) => module.default)
    .catch((error) => {
      loading = null;
      throw error;
    });
  return loading;
}

const styles = () =>
  new Promise((done, fail) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL("../third_party/uplot.css", import.meta.url).href;
    link.onload = done;
    link.onerror = () => fail(new Error(link.href));
    document.head.append(link);
  });

/**
 * `times`: seconds since 1970, ascending. `series`: `{name, values, tone?, isStepped?}`, one value for each time; null
 * is a gap. `text` writes a value.
 */
export function Plot({ label, times, series, text = (value) => number(value), height = HEIGHT }) {
  const place = useRef(null);
  const [state, setState] = useState({ uPlot: undefined, problem: undefined });
  const again = () => load().then((uPlot) => setState({ uPlot }), (problem) => setState({ problem }));
  useEffect(() => void again(), []);
  useEffect(() => {
    if (!state.uPlot || !place.current) return undefined;
    return draw(state.uPlot, place.current, { times, series, text, height });
  }, [state.uPlot, JSON.stringify([times, series]), language.value, scheme()]);
  return html`<figure class="plot">
    <figcaption>${label}</figcaption>
    ${state.problem ? html`<${Failed} problem=${state.problem} again=${again} />`
      : html`<div ref=${place} class="plot-place" role="img" aria-label=${label}>${!state.uPlot && html`<${Loading} />`}</div>`}
  </figure>`;
}

const scheme = () => `${document.documentElement.dataset.theme ?? ""} ${matchMedia("(prefers-color-scheme: dark)").matches}`;

function draw(uPlot, place, { times, series, text, height }) {
  const look = getComputedStyle(place);
  const color = (name) => look.getPropertyValue(name).trim();
  const axis = {
    stroke: color("--pico-muted-color"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { stroke: color("--line") },
    font: `12px ${look.fontFamily}`,
  };
  const stepped = uPlot.paths.stepped({ align: 1 });
  const options = {
    width: place.clientWidth,
    height,
    legend: { live: true },
    cursor: { y: false },
    hooks: { ready: [showLast], setCursor: [(plot) => plot.cursor.idx === null && showLast(plot)] },
    scales: { y: { range: (_, least, most) => [Math.min(0, least), Math.max(1, most * 1.08)] } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map(timeText(times)) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? text(tick) : "")) },
    ],
    series: [
      { label: t("time"), value: (_, at) => (at === null ? "–" : fullTime(at)) },
      ...series.map((one, index) => ({
        label: one.name,
        stroke: color(`--tone-${one.tone ?? index % 8}`),
        fill: index === 0 ? color(`--tone-${one.tone ?? 0}`).replace("rgb(", "rgba(").replace(")", ", 0.13)") : undefined,
        width: 2,
        paths: one.isStepped ? stepped : undefined,
        points: { show: times.length < 40 },
        value: (_, value) => (value === null || value === undefined ? "–" : text(value)),
      })),
    ],
  };
  const plot = new uPlot(options, [times, ...series.map((one) => one.values)], place);
  const watch = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height }));
  watch.observe(place);
  return () => {
    watch.disconnect();
    plot.destroy();
  };
}

/** The legend shows the newest values while nobody points at others. */
const showLast = (plot) => plot.setLegend({ idx: plot.data[0].length - 1 }, false);

/** Times of an axis: the time of day within two days, with seconds within ten minutes, else the date. */
function timeText(times) {
  const span = times.at(-1) - times[0];
  const seconds = span < 600 ? { second: "2-digit" } : {};
  const time = { ...seconds, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const style = span < 2 * 86_400 ? time : { month: "short", day: "numeric" };
  const format = new Intl.DateTimeFormat(language.value, style);
  return (at) => format.format(new Date(at * 1_000));
}

const fullTime = (at) => briefly(at * 1_000);
