// The story: one plain sentence for each step, and how far it is.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { Act, Problem, useActs } from "./acting.mjs";

const t = words({
  title: ["What happens when a line fails?", "断网了会怎样？"],
  lead: [
    "Here run {hubs} and {stores}, each a real process with its own file. Cut a line, sell the last units on both sides, and heal it: no sale is lost, and nothing is promised twice.",
    "这里运行着{hubs}和{stores}，每个都是真实进程，各有自己的数据文件。断开线路，在两边卖出最后几件，再恢复线路：销售不丢，额度不重复。",
  ],
  hubs: [{ one: "{n} hub", other: "{n} hubs" }, " {n} 个枢纽"],
  stores: [{ one: "{n} store", other: "{n} stores" }, " {n} 家门店"],
  play: ["Play the story", "播放演示"],
  minute: ["less than a minute", "不到一分钟"],
  again: ["Play again", "再次播放"],
  stop: ["Stop", "停止"],
  close: ["Close", "关闭"],
  step: ["Step {number} of {steps}", "第 {number} 步，共 {steps} 步"],
  stopped: ["The story was stopped here. The chain stays as it is.", "演示已在此停止，连锁保持当前状态。"],
  failed: [
    "The nodes did not show this in time. Look at their states below, then play again.",
    "节点未能按时显示这一步。请查看下方节点状态，然后再次播放。",
  ],
  prepare: [
    "{store} has the last {n} of one item. Its tills may sell {own} of them, the web shop at {hub} may promise the other {online}.",
    "{store} 有某商品的最后 {n} 件：收银台可售 {own} 件，{hub} 的线上渠道可承诺另外 {online} 件。",
  ],
  cut: [
    "The lines of {store} fail. Store and web shop cannot ask each other any more.",
    "{store} 断网了。门店与线上无法再互相询问。",
  ],
  order: [
    "A customer orders {n} online. {hub} may promise {online} on its own, so it accepts without asking the store.",
    "一位顾客在线下单 {n} 件。{hub} 自有 {online} 件额度，无需询问门店即可接单。",
  ],
  sell: [
    "In {store}, customers bring {n} to the tills. What is in the hand is never refused, so the store sells {breach} more than it may: a breach. It is recorded, not hidden.",
    "{store} 的顾客把 {n} 件拿到收银台。已在手中的商品从不拒卖，门店因此多卖了 {breach} 件：这是超卖，如实记录，不隐瞒。",
  ],
  refuse: [
    "Another customer wants {n} online. {hub} may promise only {free} more, so it refuses. No unit is promised twice.",
    "又一位顾客想在线买 {n} 件。{hub} 只剩 {free} 件额度，因此拒绝。没有一件商品被承诺两次。",
  ],
  heal: [
    "The lines work again. Store and hub send each other what the other has not seen.",
    "线路恢复。门店与枢纽互相补发对方没有的记录。",
  ],
  settle: [
    "{hub} sees the breach and hands its {n} free units to {store}. The breach settles by itself.",
    "{hub} 发现超卖，把自己剩余的 {n} 件额度让给 {store}。超卖自动结清。",
  ],
  equal: [
    "Of {n} units, {sold} are sold and {held} are kept for the online order. Nothing is lost, nothing is promised twice, and all nodes have equal digests again.",
    "{n} 件中，{sold} 件已售，{held} 件为线上订单预留。记录不丢，额度不重复，所有节点的摘要再次一致。",
  ],
});

/** The head of the page: what this is, or the step of the story. */
export function Story({ now }) {
  const acts = useActs();
  return html`<section class=${now.story ? `story on ${now.story.state}` : "story"} aria-label=${t("title")}>
    ${now.story ? html`<${Step} story=${now.story} acts=${acts} />` : html`<${Lead} now=${now} acts=${acts} />`}
    <${Problem} writing=${acts.writing} />
  </section>`;
}

function Lead({ now, acts }) {
  const hubs = now.nodes.filter((node) => node.is_hub).length;
  return html`<div class="lead">
      <h1>${t("title")}</h1>
      <p>${t("lead", { hubs: t("hubs", { n: hubs }), stores: t("stores", { n: now.nodes.length - hubs }) })}</p>
    </div>
    <div class="story-acts"><${Act} acts=${acts} body=${{ do: "play", on: true }} tone="play">
      <span aria-hidden="true">▶</span> ${t("play")} <span class="minute">${t("minute")}</span><//></div>`;
}

function Step({ story, acts }) {
  const isPlaying = story.state === "playing";
  return html`<div class="lead">
      <h1 class="unseen">${t("title")}</h1>
      <p class="step-number">${t("step", story)}
        <progress value=${story.number} max=${story.steps} aria-label=${t("step", story)}></progress></p>
      <p class="sentence" role="status">${t(story.step, story.values)}</p>
      ${["stopped", "failed"].includes(story.state) && html`<p class="note">${t(story.state)}</p>`}
    </div>
    <div class="story-acts">
      ${isPlaying
        ? html`<${Act} acts=${acts} body=${{ do: "play", on: false }}>${t("stop")}<//>`
        : html`<${Act} acts=${acts} body=${{ do: "play", on: true }} tone="play"><span aria-hidden="true">▶</span> ${t("again")}<//>
            <${Act} acts=${acts} body=${{ do: "play", on: false }}>${t("close")}<//>`}
    </div>`;
}
