// The console of a store: its pages, and the state of its node in the header.

import { html, useEffect } from "../shell/view.mjs";
import { start } from "../shell/app.mjs";
import { words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { Age } from "../widgets/states.mjs";
import { isAlone, isAway, nodeStatus } from "./node.mjs";
import { pages } from "./pages.mjs";

const t = words({
  brand: ["Shelfsync store", "Shelfsync 门店"],
  online: ["online", "在线"],
  alone: ["alone", "独立运行"],
  away: ["headquarters away", "总部断线"],
  silent: ["node away", "节点无响应"],
});

const brand = () => t("brand");

function Status() {
  const { answer, isOffline } = useReading("/v1/status", { everyMs: 2_000 });
  useEffect(() => {
    if (answer) nodeStatus.value = answer;
  }, [answer]);
  if (!answer) return html`<${Age} />`;
  if (isOffline) {
    return html`<span class="pill quiet-pill">${answer.location}</span><span class="pill bad">${t("silent")}</span><${Age} />`;
  }
  const tone = isAway(answer) ? "warn" : "";
  return html`
    <span class="pill quiet-pill">${answer.location}</span>
    <a class=${`pill ${tone}`} href="#/sync">${answer.connected ? t("online") : isAlone(answer) ? t("alone") : t("away")}</a>
    <${Age} />`;
}

start({ brand, pages, Status });
