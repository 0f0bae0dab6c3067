// A table that becomes a list of cards on a narrow screen.
//
// `columns`: `{name, cell(row), isNumber?, isWide?, isLong?}`. Each cell names its column, so a card can show the names.
// The wide column is the title of the card, and a long one has a row of the card for itself.
//
// A long table begins with the rows that a screen shows, because five hundred rows take longer to draw than the node
// takes to answer. It grows when the reader comes near its end. Filters and orders apply to all rows, before that.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";

const t = words({ below: [{ one: "{n} more row", other: "{n} more rows" }, "还有 {n} 行"] });

const FIRST_ROWS = 50, STEP = 100;
const AHEAD = "400px"; // how far below the screen the end may be before more rows are drawn

export function Table({ caption, columns, rows, rowKey, look = "", children }) {
  const [count, setCount] = useState(FIRST_ROWS);
  const shown = rows.length > count ? rows.slice(0, count) : rows;
  return html`<div class=${`table ${look}`}>
    <table>
      <caption>${caption}</caption>
      <thead><tr>${columns.map((one) => html`<th scope="col" class=${one.isNumber ? "number" : ""}>${one.name}</th>`)}</tr></thead>
      <tbody>
        ${shown.map((row) => html`<tr key=${rowKey(row)}>
          ${columns.map((one) => html`<td data-name=${one.name} class=${kind(one)}>${one.cell(row)}</td>`)}
        </tr>`)}
      </tbody>
    </table>
    ${shown.length < rows.length
      ? html`<${Below} key=${count} left=${rows.length - count} grow=${() => setCount(count + STEP)} />`
      : children}
  </div>`;
}

/** The end of the rows that are drawn: more of them when it comes near the screen, or when it is pressed. */
function Below({ left, grow }) {
  const end = useRef(null);
  useEffect(() => {
    const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && grow(), { rootMargin: AHEAD });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, []);
  return html`<button type="button" class="secondary more" ref=${end} onClick=${grow}>${t("below", { n: left })}</button>`;
}

const kind = (column) =>
  [column.isNumber && "number", column.isWide && "wide", column.isLong && "long"].filter(Boolean).join(" ");
