// A bar of parts that add up to a whole, such as the rights of an item by holder.
//
// The picture is for the eye only; the list beside it says the same in text.

import { html } from "../shell/view.mjs";
import { number } from "../shell/language.mjs";

/** `parts`: `{name, value, text?, tone?}` with values above zero; `tone` is 0 to 7, `text` is the value with its unit. */
export function Bar({ label, parts }) {
  const shown = parts.filter((part) => part.value > 0);
  const total = shown.reduce((sum, part) => sum + part.value, 0);
  let x = 0;
  const boxes = shown.map((part, index) => {
    const width = (part.value / total) * 1_000;
    const box = html`<rect x=${x} y="0" width=${width} height="28" class=${`tone-${part.tone ?? index % 8}`} />`;
    x += width;
    return box;
  });
  return html`<figure class="parts">
    <figcaption>${label}</figcaption>
    ${total > 0 && html`<svg viewBox="0 0 1000 28" preserveAspectRatio="none" aria-hidden="true">${boxes}</svg>`}
    <ul>${shown.map((part, index) => html`<li>
      <span class=${`swatch tone-${part.tone ?? index % 8}`} aria-hidden="true"></span>
      <span class="part-name">${part.name}</span> <strong>${part.text ?? number(part.value)}</strong>
    </li>`)}</ul>
  </figure>`;
}

/** One figure with its name. With `href` it leads to the movements that make it. */
export const Figure = ({ name, value, unit = "", href, isBad = false }) => html`
  <div class=${isBad ? "figure bad" : "figure"}>
    <span class="figure-name">${name}</span>
    ${href
      ? html`<a class="figure-value" href=${href}>${value}${unit && html` <small>${unit}</small>`}</a>`
      : html`<span class="figure-value">${value}${unit && html` <small>${unit}</small>`}</span>`}
  </div>`;
