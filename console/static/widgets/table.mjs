// A table that becomes a list of cards on a narrow screen.
//
// `columns`: `{name, cell(row), isNumber?, isWide?, isLong?}`. Each cell names its column, so a card can show the names.
// The wide column is the title of the card, and a long one has a row of the card for itself.

import { html } from "../shell/view.mjs";

export function Table({ caption, columns, rows, rowKey, look = "", children }) {
  return html`<div class=${`table ${look}`}>
    <table>
      <caption>${caption}</caption>
      <thead><tr>${columns.map((one) => html`<th scope="col" class=${one.isNumber ? "number" : ""}>${one.name}</th>`)}</tr></thead>
      <tbody>
        ${rows.map((row) => html`<tr key=${rowKey(row)}>
          ${columns.map((one) => html`<td data-name=${one.name} class=${kind(one)}>${one.cell(row)}</td>`)}
        </tr>`)}
      </tbody>
    </table>
    ${children}
  </div>`;
}

const kind = (column) =>
  [column.isNumber && "number", column.isWide && "wide", column.isLong && "long"].filter(Boolean).join(" ");
