// A form made from a JSON schema. It holds no state of its own, except what is typed and is no value yet.
//
// `<${SchemaForm} schema value set problem />`: `set` gets the whole new value. A field that is left empty is left out.
// The refusal of the node is shown beside the field that it names, such as `recipe.cola` or `barcodes[0]`.

import { html, useId, useState } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { choiceText, fieldText } from "./field_words.mjs";
import { ChoiceField, Field } from "./fields.mjs";
import { hintOf } from "./hint_words.mjs";
import { problemText } from "./problems.mjs";
import { blank, partOf, resolved, sortOf, variantOf, variantsOf } from "./schema.mjs";
import { ListPart, MapPart } from "./schema_parts.mjs";

const t = words({
  add: ["Add {name}", "添加{name}"],
  remove: ["Remove {name}", "移除{name}"],
  unset: ["not set", "未设置"],
  sort: ["What it is", "类型"],
  text: ["text", "文字"],
  whole: ["whole number", "整数"],
  number: ["number", "数字"],
  truth: ["yes or no", "是或否"],
  list: ["list", "列表"],
  map: ["names and values", "名称与值"],
  json: ["JSON", "JSON"],
  Forecast: ["from a forecast", "按预测"],
  Percentage: ["percent off", "折扣百分比"],
  AmountOff: ["amount off", "立减金额"],
  NForM: ["take some, pay fewer", "多件少付"],
  Bundle: ["fixed price for a bundle", "套餐价"],
  Threshold: ["off from an amount", "满减"],
});

/** The form of a whole document. */
export function SchemaForm({ schema, value, set, problem }) {
  const known = resolved(schema, schema);
  return html`<div class="form"><${Parts} schema=${known} root=${schema} path="" value=${value ?? {}} set=${set} problem=${problem} /></div>`;
}

/** The fields of an object, one by one. */
function Parts({ schema, root, path, value, set, problem }) {
  const put = (name) => (part) => {
    const { [name]: _, ...others } = value;
    set(part === undefined ? others : inOrder({ ...others, [name]: part }, schema));
  };
  return Object.entries(schema.properties).map(([name, part]) => html`
    <${Part} key=${name} schema=${resolved(part, root)} root=${root} path=${partOf(path, name)} label=${fieldText(name)}
      value=${value[name]} set=${put(name)} isRequired=${(schema.required ?? []).includes(name)} problem=${problem} />`);
}

/** Keep the order of the schema, so that a change of one field moves no other one. */
const inOrder = (value, schema) =>
  Object.fromEntries([...Object.keys(schema.properties), ...Object.keys(value)].filter((name) => name in value).map((name) => [name, value[name]]));

const problemAt = (problem, path) => (problem?.field === path ? problemText(problem) : undefined);

/** One field, by what its schema says. */
export function Part(part) {
  switch (sortOf(part.schema)) {
    case "constant": return null;
    case "choice": return html`<${Choice} ...${part} />`;
    case "text": return html`<${Text} ...${part} />`;
    case "whole": case "number": return html`<${Number_} ...${part} />`;
    case "truth": return html`<${Truth} ...${part} />`;
    case "list": return html`<${ListPart} ...${part} Part=${Part} problemAt=${problemAt} />`;
    case "map": return html`<${MapPart} ...${part} Part=${Part} problemAt=${problemAt} />`;
    case "object": return html`<${Group} ...${part} />`;
    case "union": return html`<${Union} ...${part} />`;
    default: return html`<${Json} ...${part} />`;
  }
}

/** A field whose label is read aloud only, because the row that it stands in names it. */
function Labelled({ part, children }) {
  const { schema, label, path, problem, isBare } = part, refused = problemAt(problem, path);
  if (!isBare) return html`<${Field} label=${label} hint=${hintOf(schema)} problem=${refused}>${children}<//>`;
  return html`<div class="bare">${children({ "aria-label": label, "aria-invalid": refused ? "true" : undefined })}${refused && html`<small>${refused}</small>`}</div>`;
}

function Text(part) {
  const { schema, value, set, isRequired } = part;
  const type = (text) => set(text === "" && !isRequired ? undefined : text);
  return html`<${Labelled} part=${part}>${(attributes) => html`<input ...${attributes} autocomplete="off" value=${value ?? ""}
    placeholder=${schema.examples?.[0] ?? schema.default ?? ""} onInput=${(event) => type(event.target.value)} />`}<//>`;
}

function Number_(part) {
  const { schema, value, set } = part;
  const [typed, setTyped] = useState(value === undefined ? "" : String(value));
  const shown = numberOf(typed) === value ? typed : value === undefined ? "" : String(value);
  const type = (text) => {
    setTyped(text);
    set(numberOf(text)); // what is no number goes to the node as it is, which says what is wrong
  };
  return html`<${Labelled} part=${part}>${(attributes) => html`<input ...${attributes} inputmode=${schema.type === "integer" ? "numeric" : "decimal"}
    autocomplete="off" value=${shown} placeholder=${schema.default ?? ""} onInput=${(event) => type(event.target.value)} />`}<//>`;
}

const numberOf = (text) => (text.trim() === "" ? undefined : Number.isFinite(Number(text)) ? Number(text) : text);

function Truth(part) {
  const { schema, value, set, label, isRequired, isBare } = part, id = useId();
  const choose = (is) => set(is === (schema.default ?? false) && !isRequired ? undefined : is);
  return html`<div class="field check">
    <input id=${id} type="checkbox" checked=${value ?? schema.default ?? false} onChange=${(event) => choose(event.target.checked)} />
    <label for=${id} class=${isBare ? "unseen" : ""}>${label}</label>
    ${hintOf(schema) && !isBare && html`<small>${hintOf(schema)}</small>`}
  </div>`;
}

function Choice(part) {
  const { schema, value, set, label, path, problem, isRequired } = part;
  const unset = schema.default === undefined ? t("unset") : choiceText(schema.default);
  const options = [...(isRequired && value !== undefined ? [] : [["", unset]]), ...schema.enum.map((one) => [one, choiceText(one)])];
  return html`<${ChoiceField} label=${label} hint=${hintOf(schema)} problem=${problemAt(problem, path)} value=${value ?? ""}
    set=${(one) => set(one === "" ? undefined : one)} options=${options} />`;
}

/** An object within an object. One that may be left out is added and removed with a button. */
function Group(part) {
  const { schema, root, path, label, value, set, isRequired, isFlat, problem } = part;
  if (isFlat) return html`<div class="nested"><${Parts} schema=${schema} root=${root} path=${path} value=${value ?? {}} set=${set} problem=${problem} /></div>`;
  if (value === undefined && !isRequired) {
    return html`<button type="button" class="secondary outline small-button adds" onClick=${() => set(blank(schema, root))}>${t("add", { name: label })}</button>`;
  }
  const refused = problemAt(problem, path);
  return html`<fieldset class="group-of"><legend>${label}</legend>
    ${hintOf(schema) && html`<small>${hintOf(schema)}</small>`}
    ${refused && html`<small class="refused">${refused}</small>`}
    <${Parts} schema=${schema} root=${root} path=${path} value=${value ?? {}} set=${set} problem=${problem} />
    ${!isRequired && html`<button type="button" class="secondary outline small-button" onClick=${() => set(undefined)}>${t("remove", { name: label })}</button>`}
  </fieldset>`;
}

const variantText = (variant) => (variant.title && ["Forecast", "Percentage", "AmountOff", "NForM", "Bundle", "Threshold"].includes(variant.title)
  ? t(variant.title) : variant.title ?? t({ any: "json", constant: "text", choice: "text", object: "map", union: "json" }[sortOf(variant)] ?? sortOf(variant)));

/** One of several things: a choice of which, and its field. */
function Union(part) {
  const { schema, root, label, value, set, isRequired, isBare, path, problem } = part;
  const variants = variantsOf(schema, root);
  const [wanted, setWanted] = useState(null);
  const at = value === undefined && wanted !== null ? wanted : variantOf(value ?? schema.default, variants);
  const choose = (index) => {
    setWanted(index);
    set(blank(variants[index], root) ?? (isRequired ? "" : undefined));
  };
  const isObject = sortOf(variants[at]) === "object";
  const inner = { ...part, schema: { ...variants[at], default: value === undefined ? schema.default : undefined }, isRequired: isRequired || at > 0, isBare };
  const chooser = html`<select aria-label=${`${label}: ${t("sort")}`} value=${at} onChange=${(event) => choose(Number(event.target.value))}>
    ${variants.map((one, index) => html`<option value=${index} selected=${index === at}>${variantText(one)}</option>`)}</select>`;
  if (isBare) return html`<div class="inline">${chooser}<${Part} ...${inner} key=${at} /></div>`;
  const hint = hintOf(isObject ? variants[at] : schema);
  return html`<div class="union"><p class="label">${label}</p>
    <div class=${isObject ? "" : "inline"}>${chooser}<${Part} ...${inner} key=${at} isBare=${!isObject} isFlat=${isObject} /></div>
    ${hint && html`<small>${hint}</small>`}${isObject && problemAt(problem, path) && html`<small class="refused">${problemText(problem)}</small>`}</div>`;
}

/** What this form does not know: its JSON. */
function Json(part) {
  const { value, set } = part;
  const [typed, setTyped] = useState(value === undefined ? "" : JSON.stringify(value));
  const type = (text) => {
    setTyped(text);
    try {
      set(text.trim() === "" ? undefined : JSON.parse(text));
    } catch {
      set(text);
    }
  };
  return html`<${Labelled} part=${part}>${(attributes) => html`<input ...${attributes} value=${typed} onInput=${(event) => type(event.target.value)} />`}<//>`;
}
