// The exceptions as a work list: by kind, why each is there, and the page that mends it.

import { html, useEffect, useState } from "../shell/view.mjs";
import { number, words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { fields, setFields } from "../shell/route.mjs";
import { ExceptionGroup, groupsOf } from "../widgets/exceptions.mjs";
import { ChoiceField, TextField } from "../widgets/fields.mjs";
import { Empty, Read } from "../widgets/states.mjs";
import { lists, note } from "./attention.mjs";
import { stepsOf } from "./exception_steps.mjs";

const t = words({
  title: ["Exceptions", "异常"],
  about: ["What a node cannot resolve alone. An exception leaves the list when its cause is mended.", "节点无法自行解决的问题。原因消除后自动移出列表。"],
  none: ["Nothing to look at. Everything settles by itself.", "没有待处理的异常。"],
  noFit: ["No exception fits. Change the filter.", "没有符合条件的异常。请更改筛选条件。"],
  search: ["Location, order, SKU or node", "地点、订单、商品或节点"],
  kind: ["Kind", "类别"],
  all: ["all ({n})", "全部（{n}）"],
  more: ["There are more than the node lists at once. Mend some, and the others follow.", "异常太多，仅列出部分。处理后将显示其余。"],
});

const isOurs = (entry) => entry.moves.length > 0 || ["document", "order", "void"].includes(entry.kind);

export default function ExceptionsPage() {
  const reading = useReading("/v1/exceptions?limit=200", { everyMs: 10_000, concerns: isOurs });
  useEffect(() => void (reading.answer && note(reading.answer)), [reading.answer]);
  return html`<h1>${t("title")}</h1><p class="small">${t("about")}</p>
    <${Read} reading=${reading}>${(answer) => html`<${List} answer=${answer} />`}<//>`;
}

/** The groups of some of the rows, with the steps that this console offers. */
function groups(answer, found) {
  return groupsOf({ ...answer, ...found }, {}).map((group) => ({
    ...group,
    rows: group.rows.map((row, index) => ({ ...row, note: undefined, steps: stepsOf(group.name, found[group.name]?.[index]) })),
  }));
}

function List({ answer }) {
  const chosen = fields();
  const [text, setText] = useState(chosen.get("q") ?? "");
  const kind = chosen.get("kind") ?? "";
  const all = groups(answer, lists(answer));
  const fits = (row) => !text || JSON.stringify(row).toLowerCase().includes(text.toLowerCase());
  const found = Object.fromEntries(Object.entries(lists(answer)).map(([name, rows]) => [name, rows.filter(fits)]));
  const shown = groups({ ...answer, unreadable: text ? 0 : answer.unreadable }, found).filter((group) => !kind || group.name === kind);
  const count = all.reduce((sum, group) => sum + group.rows.length, 0);
  if (count === 0) return html`<${Empty}>${t("none")}<//>`;
  const type = (q) => {
    setText(q);
    setFields({ q });
  };
  return html`
    <div class="inline filters">
      <${TextField} label=${t("search")} type="search" value=${text} set=${type} />
      <${ChoiceField} label=${t("kind")} value=${kind} set=${(one) => setFields({ kind: one })}
        options=${[["", t("all", { n: count })], ...all.map((group) => [group.name, `${group.title} (${number(group.rows.length)})`])]} />
    </div>
    ${shown.length === 0 && html`<${Empty}>${t("noFit")}<//>`}
    ${shown.map((group) => html`<${ExceptionGroup} key=${group.name} group=${group} />`)}
    ${answer.truncated && html`<p class="small">${t("more")}</p>`}`;
}
