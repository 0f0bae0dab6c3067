// A line that says whether headquarters is away, and that the store works on.

import { html, useRef } from "../shell/view.mjs";
import { ago, words } from "../shell/language.mjs";
import { isLive, nowMs, heardMs } from "../shell/live.mjs";
import { isAway, nodeStatus } from "./node.mjs";

const t = words({
  away: [
    "Headquarters is away, last heard {age}. Sell as usual: the store needs no line for it.",
    "总部断线，上次联系：{age}。请照常销售，门店无需联网。",
  ],
  never: ["Headquarters is away. Sell as usual: the store needs no line for it.", "总部断线。请照常销售，门店无需联网。"],
  waiting: [
    { one: "{n} entry waits to be sent.", other: "{n} entries wait to be sent." },
    "有 {n} 条记录等待上传。",
  ],
  silent: [
    "The node of this store does not answer. What you enter is kept. Nothing can be sold until it runs again.",
    "本店节点没有响应。您输入的内容已保留。恢复运行前无法销售。",
  ],
});

const SILENT_MS = 2_000; // a feed that was lost is there again sooner, if the node runs

export function Away() {
  const lostMs = useRef(0);
  if (isLive.value || !heardMs.value) lostMs.current = 0;
  else lostMs.current ||= nowMs.value;
  if (lostMs.current && nowMs.value - lostMs.current >= SILENT_MS) {
    return html`<p class="offline" role="status">${t("silent")}</p>`;
  }
  const status = nodeStatus.value;
  if (!status || !isAway(status)) return null;
  const seconds = status.behind.seconds;
  return html`<p class="offline" role="status">
    ${seconds === null ? t("never") : t("away", { age: ago(seconds) })}
    ${status.unacknowledged > 0 && html` <a href="#/sync">${t("waiting", { n: status.unacknowledged })}</a>`}
  </p>`;
}
