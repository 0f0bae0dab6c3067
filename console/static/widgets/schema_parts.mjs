// Lists and maps in a form made from a schema: rows that are added and removed.

import { html, useRef, useState } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { hintOf } from "./hint_words.mjs";
import { blank, partOf, resolved, sortOf } from "./schema.mjs";

const t = words({
  add: ["Add", "添加"],
  addTo: ["Add to: {name}", "添加到：{name}"],
  removeAt: ["Remove {n} from: {name}", "从{name}移除第 {n} 项"],
  removeKey: ["Remove {key} from: {name}", "从{name}移除 {key}"],
  at: ["{name}, {n}", "{name}，第 {n} 项"],
  keyAt: ["{name}: name {n}", "{name}：第 {n} 个名称"],
  valueOf: ["{name}: value of {key}", "{name}：{key} 的值"],
});

const isScalar = (schema) => ["text", "whole", "number", "truth", "choice", "union", "any"].includes(sortOf(schema));

function Frame({ label, hint, refused, add, isOpen, isWide, children }) {
  return html`<fieldset class=${isWide && isOpen ? "rows wide" : "rows"}><legend>${label}</legend>
    ${hint && html`<small>${hint}</small>`}
    ${refused && html`<small class="refused">${refused}</small>`}
    ${isOpen && html`<div class=${isWide ? "" : "brief"}>${children}</div>`}
    <button type="button" class="secondary outline small-button" aria-label=${t("addTo", { name: label })} onClick=${add}>${t("add")}</button>
  </fieldset>`;
}

/** A list: a row for each thing. An empty one that may be left out is left out. */
export function ListPart({ schema, root, path, label, value, set, isRequired, problem, Part, problemAt }) {
  const of = resolved(schema.items, root), rows = Array.isArray(value) ? value : [];
  const put = (changed) => set(changed.length === 0 && !isRequired ? undefined : changed);
  const add = () => put([...rows, blank(of, root) ?? ""]);
  return html`<${Frame} label=${label} hint=${hintOf(schema) ?? hintOf(of)} refused=${problemAt(problem, path)} add=${add} isOpen=${rows.length > 0} isWide=${!isScalar(of)}>
    ${rows.map((row, index) => html`<div key=${index} class=${isScalar(of) ? "row" : "row block"}>
      <${Part} schema=${{ ...of, description: undefined }} root=${root} path=${partOf(path, index)} label=${t("at", { name: label, n: index + 1 })}
        value=${row} set=${(one) => put(rows.map((old, at) => (at === index ? one : old)))} isRequired=${true} isBare=${isScalar(of)} problem=${problem} />
      <${Remove} label=${t("removeAt", { n: index + 1, name: label })} press=${() => put(rows.filter((_, at) => at !== index))} />
    </div>`)}<//>`;
}

/** A map: a row for each name. A name is typed letter by letter, so rows keep their place while it changes. */
export function MapPart({ schema, root, path, label, value, set, isRequired, problem, Part, problemAt }) {
  const of = resolved(schema.additionalProperties === true ? {} : schema.additionalProperties, root);
  const [typed, setTyped] = useState(() => rowsOf(value));
  const last = useRef(0);
  const rows = same(mapOf(typed), value ?? {}) ? typed : rowsOf(value);
  const put = (changed) => {
    setTyped(changed);
    const made = mapOf(changed);
    set(Object.keys(made).length === 0 && !isRequired ? undefined : made);
  };
  const change = (id, part) => put(rows.map((row) => (row.id === id ? { ...row, ...part } : row)));
  const add = () => put([...rows, { id: `new ${(last.current += 1)}`, key: "", value: blank(of, root) }]);
  return html`<${Frame} label=${label} hint=${hintOf(schema) ?? hintOf(of)} refused=${problemAt(problem, path)} add=${add} isOpen=${rows.length > 0} isWide=${true}>
    ${rows.map((row, index) => html`<div key=${row.id} class=${isScalar(of) ? "row" : "row block"}>
      <input aria-label=${t("keyAt", { name: label, n: index + 1 })} autocomplete="off" value=${row.key} onInput=${(event) => change(row.id, { key: event.target.value })} />
      <${Part} schema=${{ ...of, description: undefined }} root=${root} path=${partOf(path, row.key)} label=${t("valueOf", { name: label, key: row.key || index + 1 })}
        value=${row.value} set=${(one) => change(row.id, { value: one })} isRequired=${true} isBare=${true} problem=${problem} />
      <${Remove} label=${t("removeKey", { key: row.key || index + 1, name: label })} press=${() => put(rows.filter((one) => one.id !== row.id))} />
    </div>`)}<//>`;
}

const Remove = ({ label, press }) => html`<button type="button" class="secondary outline remove" aria-label=${label} title=${label} onClick=${press}>×</button>`;

const rowsOf = (value) => Object.entries(value ?? {}).map(([key, one]) => ({ id: key, key, value: one }));

/** The map of the rows that have a name. A value that is not known yet is kept as an empty text, so that the node says so. */
const mapOf = (rows) => Object.fromEntries(rows.filter((row) => row.key !== "").map((row) => [row.key, row.value ?? ""]));

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
