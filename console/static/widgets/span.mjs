// What is sure and what is hoped for, as one line: guaranteed up to optimistic. The figures beside it say the same.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";

const t = words({
  sure: ["guaranteed: this hub may promise it now", "保证量：本枢纽现在即可承诺"],
  hoped: ["optimistic: believed to be there", "乐观量：预计可售"],
});

/** `least` and `most` of `whole`, the longest line of the list. */
export function Span({ least, most, whole }) {
  const x = (value) => (whole ? (Math.max(0, value) / whole) * 200 : 0);
  return html`<svg class="span" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">
    <line class="frame-line" x1="0" y1="6" x2="200" y2="6" />
    <rect class="hoped" x="0" y="2" width=${x(most)} height="8" />
    <rect class="sure" x="0" y="2" width=${x(least)} height="8" />
  </svg>`;
}

/** What the two shades mean. */
export const SpanKey = () => html`<ul class="key">
  <li><span class="swatch tone-0" aria-hidden="true"></span>${t("sure")}</li>
  <li><span class="swatch faint tone-0" aria-hidden="true"></span>${t("hoped")}</li>
</ul>`;
