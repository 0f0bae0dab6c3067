// The console of a hub: its pages, and the state of the hub in the header.

import { html } from "../shell/view.mjs";
import { start } from "../shell/app.mjs";
import { words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { Age } from "../widgets/states.mjs";
import { startAttention } from "./attention.mjs";
import { pages } from "./pages.mjs";

const t = words({
  brand: ["Shelfsync hub", "Shelfsync 枢纽"],
  connected: [{ one: "{n} node connected", other: "{n} nodes connected" }, "已连接 {n} 个节点"],
});

const brand = () => t("brand");

function Status() {
  const { answer } = useReading("/v1/status", { everyMs: 5_000 });
  if (!answer) return html`<${Age} />`;
  return html`
    <span class="pill quiet-pill">${answer.node}</span>
    <span class="pill">${t("connected", { n: answer.connected.length })}</span>
    <${Age} />`;
}

startAttention();
start({ brand, pages, Status });
