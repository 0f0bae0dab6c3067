// Columns of one figure each, such as units sold by day, with a line across them. The list of figures is for those who do
// not see the picture.

import { html } from "../shell/view.mjs";
import { number, words } from "../shell/language.mjs";

const t = words({ most: ["the most: {n}", "最多：{n}"] });

const HEIGHT = 120, STEP = 20, GAP = 4;

/** `bars`: `{name, value, isMarked?}`. `line`: a value to draw across, with `lineText`. */
export function Columns({ label, bars, line, lineText }) {
  const most = Math.max(1, line ?? 0, ...bars.map((bar) => bar.value));
  const y = (value) => HEIGHT - (value / most) * (HEIGHT - 8);
  const width = bars.length * STEP;
  return html`<figure class="drawing columns-figure">
    <figcaption>${label}</figcaption>
    <svg viewBox=${`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      ${bars.map((bar, at) => html`<rect key=${bar.name} class=${bar.isMarked ? "marked" : ""} x=${at * STEP + GAP / 2} y=${y(bar.value)} width=${STEP - GAP} height=${HEIGHT - y(bar.value)}>
        <title>${`${bar.name}: ${number(bar.value)}`}</title></rect>`)}
      ${line !== undefined && line !== null && html`<line x1="0" x2=${width} y1=${y(line)} y2=${y(line)} />`}
    </svg>
    <div class="ends"><span>${bars[0]?.name}</span>${lineText
      ? html`<span class="line-text">${lineText}</span>`
      : html`<span>${t("most", { n: Math.max(0, ...bars.map((bar) => bar.value)) })}</span>`}<span>${bars.at(-1)?.name}</span></div>
    <ul class="unseen">${bars.filter((bar) => bar.value).map((bar) => html`<li key=${bar.name}>${bar.name}: ${number(bar.value)}</li>`)}</ul>
  </figure>`;
}
