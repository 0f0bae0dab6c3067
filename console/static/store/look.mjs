// What somebody in the store should look at, each with its cause and a next step.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { ExceptionGroup, groupsOf } from "../widgets/exceptions.mjs";
import { Empty, Read } from "../widgets/states.mjs";

const t = words({
  title: ["To look at", "待处理"],
  none: ["Nothing to look at. Everything adds up.", "没有待处理事项，一切正常。"],
  more: ["There is more than this list shows.", "还有更多，未全部列出。"],
});

const links = {
  item: (location, item) => to`/items/${item}`,
  count: (item) => to`/count/${item}`,
  order: (order) => to`/orders/${order}`,
};

export default function LookPage() {
  const reading = useReading("/v1/exceptions?limit=100", { concerns: () => true, everyMs: 30_000 });
  return html`<h1>${t("title")}</h1>
    <${Read} reading=${reading}>${(answer) => {
      const groups = groupsOf(answer, links);
      return html`${groups.length === 0 && html`<${Empty}>${t("none")}<//>`}
        ${groups.map((group) => html`<${ExceptionGroup} key=${group.name} group=${group} />`)}
        ${answer.truncated && html`<p class="small">${t("more")}</p>`}`;
    }}<//>`;
}
