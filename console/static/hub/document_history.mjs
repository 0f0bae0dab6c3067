// What was written into one rank of a document before, and what each write changed.

import { html } from "../shell/view.mjs";
import { path, withQuery } from "../shell/api.mjs";
import { get } from "../shell/api.mjs";
import { moment, number, words } from "../shell/language.mjs";
import { usePages } from "../shell/reading.mjs";
import { Changes } from "../widgets/changes.mjs";
import { More, Read } from "../widgets/states.mjs";

const t = words({
  title: ["History", "历史"],
  none: ["Nobody wrote it yet.", "还没有人写入。"],
  version: ["version {version}", "版本 {version}"],
  current: ["in effect", "当前"],
  cleared: ["cleared", "已清除"],
  by: ["at {node}", "写入节点：{node}"],
});

/** Read the writes; a document that nobody wrote has none. */
async function read(url, options) {
  try {
    return await get(url, options);
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    return { writes: [], next: null };
  }
}

export function DocumentHistory({ kind, name, slot }) {
  const mine = (entry) => entry.kind === "document" && entry.facts.kind === kind && entry.facts.key === name;
  const writes = usePages(withQuery(path`/v1/documents/${kind}/${name}/history`, { ...slot, limit: 20 }), {
    rowsOf: (answer) => answer.writes, read, concerns: mine, cursorName: "before",
  });
  return html`<h2>${t("title")}</h2>
    <${Read} reading=${writes}>${() => writes.rows.length === 0 ? html`<p class="small">${t("none")}</p>` : html`
      <ol class="writes">${writes.rows.map((one, index) => html`<li key=${one.entry}>
        <p><strong>${moment(one.at)}</strong> <span class="small">${t("version", { version: number(one.version) })} · ${t("by", { node: one.node })}</span>
          ${one.is_current && html` <span class="pill">${t("current")}</span>`} ${one.value === null && html` <span class="pill quiet-pill">${t("cleared")}</span>`}</p>
        <${Changes} before=${writes.rows[index + 1]?.value} after=${one.value} />
      </li>`)}</ol><${More} pages=${writes} />`}<//>`;
}
