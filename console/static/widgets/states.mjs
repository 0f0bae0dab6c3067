// The states of anything that is read from the node: loading, empty, refused, offline, and how old it is.

import { html } from "../shell/view.mjs";
import { Unreached } from "../shell/api.mjs";
import { ago, briefly, moment, words } from "../shell/language.mjs";
import { heardMs, isLive, nowMs } from "../shell/live.mjs";
import { fieldName, ProblemDetail, problemTitle } from "./problems.mjs";

const t = words({
  loading: ["Loading …", "加载中……"],
  failed: ["This did not work", "操作未成功"],
  unreached: [
    "The node does not answer. Check that it runs. What you entered is kept.",
    "节点没有响应。请检查它是否在运行。您输入的内容已保留。",
  ],
  again: ["Try again", "重试"],
  old: ["The node does not answer. This is from {age}.", "节点没有响应。以下内容来自{age}。"],
  live: ["live", "实时"],
  heard: ["last heard {age}", "上次收到：{age}"],
  field: ["Field: {field}", "字段：{field}"],
  more: ["Show more", "显示更多"],
});

export const Loading = () => html`<p class="loading" role="status" aria-busy="true">${t("loading")}</p>`;

/** Nothing to show, and what to do about it. */
export const Empty = ({ children }) => html`<div class="empty">${children}</div>`;

/** What went wrong, in the words of the node, with the field it names. */
export function Failed({ problem, again }) {
  const document = problem?.document;
  return html`<div class="failed" role="alert">
    <p><strong>${document ? problemTitle(problem) : t("failed")}</strong></p>
    ${document
      ? html`<${ProblemDetail} problem=${problem} />`
      : html`<p>${problem && !(problem instanceof Unreached) ? String(problem) : t("unreached")}</p>`}
    ${document?.field && html`<p class="small">${t("field", { field: fieldName(document.field) })}</p>`}
    ${again && html`<button type="button" class="secondary" onClick=${again}>${t("again")}</button>`}
  </div>`;
}

/** Draws a reading: its answer with `children`, or the state that it is in. `children` is a function of the answer. */
export function Read({ reading, children }) {
  const { answer, problem, isOffline, atMs, again } = reading;
  if (answer === undefined) {
    return problem || isOffline ? html`<${Failed} problem=${problem} again=${again} />` : html`<${Loading} />`;
  }
  return html`
    ${problem && html`<${Failed} problem=${problem} again=${again} />`}
    ${isOffline && html`<p class="offline" role="status">${t("old", { age: ago((nowMs.value - atMs) / 1000) })}</p>`}
    ${children(answer)}`;
}

/** How fresh the page is: live, or when the node was heard last. */
export function Age() {
  const seconds = (nowMs.value - heardMs.value) / 1000;
  const text = isLive.value ? t("live") : heardMs.value ? t("heard", { age: ago(seconds) }) : t("loading");
  return html`<span class=${isLive.value ? "age live" : "age stale"} role="status">${text}</span>`;
}

/** The button below a list that has more pages. */
export function More({ pages }) {
  if (pages.moreProblem) return html`<${Failed} problem=${pages.moreProblem} again=${pages.more} />`;
  if (!pages.more) return null;
  return html`<button type="button" class="secondary more" aria-busy=${pages.isLoadingMore} disabled=${pages.isLoadingMore}
    onClick=${pages.more}>${t("more")}</button>`;
}

/** A moment, briefly; the whole of it under the pointer. */
export const When = ({ at }) => html`<time datetime=${at} title=${moment(at)}>${briefly(at)}</time>`;
