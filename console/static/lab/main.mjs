// The lab of a demo: one page that shows a whole chain and lets a person cut, kill and sell.

import { html } from "../shell/view.mjs";
import { start } from "../shell/app.mjs";
import { words } from "../shell/language.mjs";
import { isLive } from "../shell/live.mjs";
import { Age } from "../widgets/states.mjs";
import { press } from "./acting.mjs";
import { pages } from "./pages.mjs";
import { view } from "./watching.mjs";

const t = words({
  brand: ["Shelfsync lab", "Shelfsync 实验室"],
  sales: [{ one: "{n} sale", other: "{n} sales" }, "已完成 {n} 笔销售"],
  closing: ["The stores close: all lines and nodes are restored", "门店打烊：正在恢复所有线路和节点"],
  equal: ["The demo ended: all nodes are equal", "演示结束：所有节点一致"],
  unequal: ["The demo ended: the nodes differ", "演示结束：节点不一致"],
  ended: ["The demo does not run any more", "演示已不再运行"],
  keyPlay: ["Play the story, or stop it", "播放或停止演示"],
  keyHeal: ["Heal all lines", "恢复所有线路"],
  keyShoppers: ["Let shoppers come, or wait", "让顾客继续或暂停"],
  keyOutages: ["Switch automatic outages", "开关自动断网"],
  keyStore: ["Cut {store} off, or heal its lines", "断开或恢复 {store} 的线路"],
});

const brand = () => t("brand");

const PHASES = { closing: "warn", equal: "", unequal: "bad" };

function Status() {
  const now = view.value;
  if (!now) return html`<${Age} />`;
  const phase = now.phase !== "open" ? now.phase : isLive.value ? null : "ended";
  return html`
    <span class="pill quiet-pill tabular">${t("sales", { n: now.sales })}</span>
    ${phase && html`<span class=${`pill ${PHASES[phase] ?? "warn"}`} role="status">${t(phase)}</span>`}
    <${Age} />`;
}

const storeKey = (number) => ({
  key: String(number),
  text: () => t("keyStore", { store: `store-${number}` }),
  press: () => press.store(number),
});

const keys = [
  { key: "p", text: () => t("keyPlay"), press: () => press.story() },
  { key: "h", text: () => t("keyHeal"), press: () => press.heal() },
  { key: "s", text: () => t("keyShoppers"), press: () => press.shoppers() },
  { key: "o", text: () => t("keyOutages"), press: () => press.outages() },
  ...[1, 2, 3].map(storeKey),
];

start({ brand, pages, Status, feed: "/v1/lab/feed", keys });
