// The editor of one rank of a document: a form or its JSON, a preview of what a change would do, and the write.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { ask, path, Problem, withQuery } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { Field, useWriting } from "../widgets/fields.mjs";
import { changesOf } from "../widgets/changes.mjs";
import { blank } from "../widgets/schema.mjs";
import { SchemaForm } from "../widgets/schema_form.mjs";
import { Failed } from "../widgets/states.mjs";
import { Preview } from "./document_preview.mjs";

const t = words({
  begin: ["There is no such document at this rank yet. Fill in its fields.", "该级别还没有此主数据，请填写。"],
  form: ["Form", "表单"],
  json: ["JSON", "JSON"],
  value: ["Value as JSON", "JSON 内容"],
  notJson: ["This is no JSON: {why}", "不是有效的 JSON：{why}"],
  preview: ["Preview the change", "预览更改"],
  write: ["Write it", "写入"],
  clear: ["Clear it", "清除"],
  revert: ["Undo what I typed", "放弃更改"],
  newItems: ["The recipe names a new item, and it is meant", "构成中的新商品是有意新增的"],
  written: ["Written. All nodes get it.", "已写入，将同步到所有节点。"],
  cleared: ["Cleared.", "已清除。"],
  moved: ["Somebody else wrote this document meanwhile. Your text is kept: compare it with the preview before you write.", "其他人刚刚修改了此主数据。您的内容已保留，请先预览对比再写入。"],
});

export function Editor({ kind, name, slot, schema, standing, begin, canWrite }) {
  const before = standing?.value ?? undefined;
  const [draft, setDraft] = useState(() => before ?? begin ?? blank(schema, schema));
  const [base, setBase] = useState(standing?.version ?? 0);
  const [isJson, setJson] = useState(false);
  const [hasNewItems, setNewItems] = useState(false);
  const [note, setNote] = useState("");
  const preview = usePreview();
  const writing = useWriting();
  const isChanged = changesOf(before, draft).length > 0;
  useEffect(() => { // another write arrived: take it over, unless something was typed
    const version = standing?.version ?? 0;
    if (version === base) return;
    setBase(version);
    setDraft(before ?? begin ?? blank(schema, schema));
  }, [standing?.version]);
  const change = (value) => {
    setDraft(value);
    setNote("");
    preview.forget();
  };
  const document = (value) => ({ documents: [{ kind, key: name, value, ...slot }] });
  const query = { ...slot, new_items: hasNewItems || undefined };
  const show = (value) => preview.ask(withQuery("/v1/documents:preview", { new_items: query.new_items }), document(value), value);
  const write = async () => {
    const isClear = preview.value === null;
    const url = withQuery(path`/v1/documents/${kind}/${name}`, query);
    const answer = isClear ? await writing.send("DELETE", withQuery(path`/v1/documents/${kind}/${name}`, slot)) : await writing.send("PUT", url, preview.value);
    if (!answer) return;
    preview.forget();
    setNote(isClear ? t("cleared") : t("written"));
  };
  const problem = writing.problem ?? preview.problem;
  const submit = (event) => {
    event.preventDefault();
    if (isChanged) show(draft);
  };
  const wantsNewItems = hasNewItems || problem?.field?.startsWith("recipe.");
  return html`<form class="card editor" onSubmit=${submit} novalidate>
    ${!standing && html`<p class="small">${t("begin")}</p>`}
    <div class="switch" role="radiogroup" aria-label=${`${t("form")} / ${t("json")}`}>
      ${[false, true].map((one) => html`<button type="button" role="radio" aria-checked=${one === isJson} class=${one === isJson ? "" : "secondary outline"} onClick=${() => setJson(one)}>${t(one ? "json" : "form")}</button>`)}
    </div>
    <${FocusRefused} problem=${problem}>
      ${isJson ? html`<${JsonField} value=${draft} set=${change} problem=${problem} />` : html`<${SchemaForm} schema=${schema} value=${draft} set=${change} problem=${problem} />`}
    <//>
    ${kind === "sku" && wantsNewItems && html`<div class="field check"><input id="new-items" type="checkbox" checked=${hasNewItems} onChange=${(event) => setNewItems(event.target.checked)} />
      <label for="new-items">${t("newItems")}</label></div>`}
    ${canWrite && html`<div class="acts">
      <button type="submit" disabled=${!isChanged || preview.isAsking} aria-busy=${preview.isAsking}>${t("preview")}</button>
      ${isChanged && standing && html`<button type="button" class="secondary outline" onClick=${() => change(before)}>${t("revert")}</button>`}
      ${before !== undefined && html`<button type="button" class="secondary outline" onClick=${() => show(null)}>${t("clear")}</button>`}
    </div>`}
    <div role="status">${note && html`<p class="done">${note}</p>`}</div>
    ${(problem || writing.isUnreached || preview.isUnreached) && html`<${Failed} problem=${problem} />`}
    ${preview.answer && !preview.problem && html`<${Preview} before=${before} after=${preview.value} answer=${preview.answer} write=${write} isWriting=${writing.isSending} label=${t(preview.value === null ? "clear" : "write")} />`}
  </form>`;
}

/** What a change would do: asked for, and forgotten when the text changes. */
function usePreview() {
  const nothing = { answer: undefined, value: undefined, problem: undefined, isUnreached: false, isAsking: false };
  const [state, setState] = useState(nothing);
  const forget = () => setState(nothing);
  const asked = async (url, body, value) => {
    setState({ ...nothing, isAsking: true });
    try {
      const answer = await ask(url, body);
      const refusal = answer.verdicts[0].problem;
      setState({ ...nothing, value, answer, problem: refusal && new Problem(refusal.status, ofDocument(refusal)) });
    } catch (error) {
      const problem = error instanceof Problem ? error : undefined;
      setState({ ...nothing, problem, isUnreached: problem === undefined });
    }
  };
  return { ...state, ask: asked, forget };
}

/** A refusal of the only document of a batch, as the document itself would be refused. */
function ofDocument(refusal) {
  const own = (text) => (text ?? "").replaceAll(/documents\[0\]\.(value\.)?/g, "");
  return { ...refusal, field: own(refusal.field), detail: own(refusal.detail) };
}

/** Moves the focus to the field that the node refused. */
function FocusRefused({ problem, children }) {
  const box = useRef(null);
  useEffect(() => {
    if (problem) box.current.querySelector("[aria-invalid=true]")?.focus();
  }, [problem]);
  return html`<div ref=${box}>${children}</div>`;
}

function JsonField({ value, set, problem }) {
  const [typed, setTyped] = useState(JSON.stringify(value, null, 2));
  const [why, setWhy] = useState("");
  const type = (text) => {
    setTyped(text);
    try {
      set(JSON.parse(text));
      setWhy("");
    } catch (error) {
      setWhy(t("notJson", { why: error.message }));
    }
  };
  return html`<${Field} label=${t("value")} problem=${why || problem?.message}>${(attributes) => html`
    <textarea ...${attributes} class="code" rows="14" spellcheck="false" value=${typed} onInput=${(event) => type(event.target.value)}></textarea>`}<//>`;
}
