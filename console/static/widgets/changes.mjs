// What is different between two values, field by field.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { partOf } from "./schema.mjs";

const t = words({
  none: ["No field changes.", "没有字段变化。"],
  field: ["Field", "字段"],
  whole: ["the document", "整个文档"],
  nothing: ["nothing", "无"],
});

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** The fields that differ: `{path, before, after}`; undefined is a field that is not there. */
export function changesOf(before, after, path = "") {
  if (isObject(before) && isObject(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => changesOf(before[name], after[name], partOf(path, name)));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

const text = (value) => (value === undefined || value === null ? t("nothing") : typeof value === "string" ? value : JSON.stringify(value));

/** What stands for a document that is not there, so that its fields are listed one by one. */
const emptyFor = (value) => (isObject(value) ? {} : undefined);

/** The differences as a list: the field, what it was, what it becomes. */
export function Changes({ before, after }) {
  const found = changesOf(before ?? emptyFor(after), after ?? emptyFor(before));
  if (found.length === 0) return html`<p class="small">${t("none")}</p>`;
  return html`<ul class="changes">${found.map((one) => html`<li key=${one.path}>
    <span class="small">${one.path || t("whole")}</span> ${one.before !== undefined && html`<del>${text(one.before)}</del> → `}<ins>${text(one.after)}</ins>
  </li>`)}</ul>`;
}
