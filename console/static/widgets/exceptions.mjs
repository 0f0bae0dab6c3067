// What a person should look at, in plain words: what happened, why, and what to do next.
//
// `groupsOf` turns the answer of `GET /v1/exceptions` of any node into groups of rows. A console hands in its links, and
// leaves out those that it has no page for: `{item(location, item), count(item), sku(sku), order(order)}`.

import { html } from "../shell/view.mjs";
import { moment, number, words } from "../shell/language.mjs";
import { kindText } from "./accounts.mjs";
import { useName } from "./names.mjs";
import { eventText } from "./orders.mjs";
import { When } from "./states.mjs";

const t = words({
  breaches: ["Taken past the rights", "超卖（超出可承诺量）"],
  breachesWhy: [
    "A till sold goods that were in the customer's hand, although the store had no rights to them left.",
    "商品已在顾客手中，门店在可承诺量不足时完成了销售。",
  ],
  breach: ["{name}: {n} too many at {location}.", "{name}：{location} 超出 {n}。"],
  breachCovered: ["Another node gives units for it by itself.", "其他节点将自动补足。"],
  breachShort: [
    "No node has units for {n} of them: the book has fewer than are there. Count the shelf.",
    "其中 {n} 无任何节点可补，账面少于实物，请盘点货架。",
  ],

  shortages: ["Holds without goods", "预占缺货"],
  shortagesWhy: ["Goods that were promised are not there any more.", "已承诺的商品已不在库。"],
  shortage: ["Order {order} at {location}: {outcome}.", "订单 {order}（{location}）：{outcome}。"],
  "outcome-": ["not decided yet", "尚未处理"],
  "outcome-cancelled": ["cancelled; tell the customer", "已取消，请通知顾客"],
  "outcome-moved": ["moved to another location", "已改由其他地点履约"],
  "outcome-covered": ["the goods were there after all", "库存已补足"],
  "outcome-impossible": ["it was being picked or had ended", "已在拣货或已结束"],

  duplicates: ["Accepted twice", "重复受理"],
  duplicatesWhy: [
    "Two nodes that could not reach each other accepted the same request. One of the two is taken back by itself.",
    "两个断线节点受理了同一请求，系统会自动冲销其中一条。",
  ],
  duplicate: ["{kind} at {first} and {second}: {state}.", "{kind}（{first} 与 {second}）：{state}。"],
  isVoided: ["one was taken back", "已冲销一条"],
  isNotVoided: ["one will be taken back", "待冲销"],

  key_conflicts: ["One key, two requests", "同一请求号，不同请求"],
  key_conflictsWhy: [
    "A till or a channel used one key for two different requests. Both count. Its supplier should correct it.",
    "收银台或渠道对两个不同请求使用了同一请求号，两者均计入。请联系供应方修正。",
  ],
  conflict: ["{kinds} at {nodes}.", "{kinds}（{nodes}）。"],

  reports: ["Events of orders without effect", "未生效的订单事件"],
  reportsWhy: ["Somebody reported a step that was not possible for the order any more.", "上报的步骤对该订单已不可行。"],
  report: ["“{event}” for order {order}: {outcome}.", "订单 {order} 的“{event}”：{outcome}。"],
  "report-impossible": ["the order was past it", "订单状态不允许"],
  "report-late": ["it came too late", "到达过晚"],
  "report-short": ["too few units", "数量不足"],
  "report-ambiguous": ["it is not clear which part was meant", "无法确定对应的履约单"],
  "report-duplicate": ["placed twice, and both were handed out", "重复下单且均已交付"],
  "report-excess": ["more came back than was handed out", "退回数量超过交付数量"],
  "report-other_items": ["other items came back than were sold", "退回商品与售出不一致"],
  "report-number_used": ["its number was used before", "事件序号已使用"],
  "report-passed_on": ["its owner was told", "已转交负责节点"],
  "report-nowhere": ["no other location can send all of it", "没有其他地点能全部发货"],
  "report-unwanted": ["the customer cancelled it meanwhile", "顾客已同时取消"],

  waiting: ["Events that wait", "等待中的事件"],
  waitingWhy: [
    "They came before the event that they need. Most of them happen by themselves.",
    "事件先于其前置事件到达，多数会自动生效。",
  ],
  wait: ["“{event}” for order {order} waits {reason}.", "订单 {order} 的“{event}”{reason}。"],
  "wait-unknown-order": ["for the order, which no node here knows yet", "等待订单数据"],
  "wait-unknown-fulfilment": ["for the part of the order that it names", "等待对应的履约单"],
  "wait-early": ["for the step before it", "等待前一步骤"],
  "wait-owner": ["for the node that decides about the order", "等待负责节点处理"],

  barcode_conflicts: ["Barcodes of two SKUs", "条码重复"],
  barcode_conflictsWhy: ["Tills refuse such a barcode until one SKU has it alone.", "在只剩一个商品使用前，收银台拒绝该条码。"],
  barcode: ["{barcode}: {skus}.", "{barcode}：{skus}。"],

  recipe_conflicts: ["SKUs that are used as items", "商品被用作组成单元"],
  recipe_conflictsWhy: [
    "A recipe names a SKU that is made of items itself. Headquarters should name its items.",
    "组成配方引用了本身由其他单元组成的商品，请总部改为引用单元。",
  ],
  recipe: ["{sku} is used by {skus}.", "{skus} 使用了 {sku}。"],

  price_conflicts: ["Prices past the limits", "价格超出限价"],
  price_conflictsWhy: [
    "Headquarters narrowed its limits, or two nodes did not know of each other. The price does not count.",
    "总部收紧限价，或两节点互不知情。该价格不生效。",
  ],
  price: ["{name} at {at}.", "{name}（{at}）。"],

  promotion_conflicts: ["Promotions in each other's way", "促销冲突"],
  promotion_conflictsWhy: [
    "Both are exclusive with one priority, or headquarters locked one of them.",
    "两者均为排他且优先级相同，或其一被总部锁定。",
  ],
  promotion: ["{first} and {second}: {first} counts.", "{first} 与 {second}：以 {first} 为准。"],

  lost_edits: ["Edits that were overwritten", "被覆盖的修改"],
  lost_editsWhy: [
    "Two people changed the same document, and neither node knew of the other change.",
    "两人同时修改同一主数据，节点互不知情。",
  ],
  edit: [
    "{kind} {key}: the change at {lost} was overwritten by {standing}.",
    "{kind} {key}：{lost} 的修改被 {standing} 覆盖。",
  ],

  repeated_receipts: ["Receipt numbers used twice", "小票号重复"],
  repeated_receiptsWhy: [
    "A till used one number for two sales of a day. Both count. Check whether the till sent a retry with a new key.",
    "收银台当天对两笔交易使用了同一小票号，两笔均计入。请检查是否重复上报。",
  ],
  repeated: ["Receipt {receipt} of {till}: {n} times.", "{till} 的小票 {receipt}：{n} 次。"],

  questioned_returns: ["Returns that do not fit their sale", "与原单不符的退货"],
  questioned_returnsWhy: [
    "They count. Look whether the goods and the receipt belong together.",
    "退货已计入，请核对商品与小票是否一致。",
  ],
  questioned: ["Receipt {original} at {location}: {reason}.", "小票 {original}（{location}）：{reason}。"],
  "reason-past-sale": ["more came back than was sold ({lines})", "退回多于售出（{lines}）"],
  "reason-several-sales": ["several sales have this receipt", "多笔销售使用该小票号"],
  "reason-recipe-unknown": ["what left with the sale is not known any more", "原销售的组成已不可知"],
  "reason-often-used": ["too many entries name it", "引用过多"],
  sold: ["{name}: {sold} sold, {returned} back", "{name}：售 {sold}，退 {returned}"],

  differences: ["Nodes that disagree", "节点数据不一致"],
  differencesWhy: [
    "Two nodes have the same entries and different sums. This is a fault of the program: call the help desk.",
    "两节点记录相同但结果不同，属程序故障，请联系技术支持。",
  ],
  difference: ["{text}", "{text}"],

  unreadable: ["Entries of a later version", "更新版本的记录"],
  unreadableWhy: ["Another node runs a later version. Upgrade this node.", "其他节点已升级，请升级本节点。"],
  unread: ["{n} entries since this node started.", "本节点启动以来共 {n} 条。"],

  clocks: ["Clocks that are wrong", "时钟错误"],
  clocksWhy: ["The clock of a machine differs. Sales count; times are shown wrong.", "设备时钟有偏差。销售有效，但显示时间不准。"],
  clock: ["{node} is {n} minutes {direction}, says {by}{state}.", "{by} 报告 {node} {direction} {n} 分钟{state}。"],
  ahead: ["ahead", "偏快"],
  late: ["behind", "偏慢"],
  over: [" – right again", "（已恢复）"],

  till_clocks: ["Tills with a wrong clock", "收银台时钟错误"],
  till_clocksWhy: [
    "A till told a time that cannot be true. Its sales count by the time at which the node got them. Set its clock.",
    "收银台上报了不可能的时间，按节点接收时间计入。请校准时钟。",
  ],
  tillClock: ["{till} said {time}{state}.", "{till} 上报 {time}{state}。"],

  late_transfers: ["Transfers that are late", "逾期未到的调拨"],
  late_transfersWhy: [
    "Their goods should have arrived. Look for the parcel. Receive it, or settle the transfer as lost.",
    "货物应已到达。请查找包裹并收货，或登记为丢失。",
  ],
  lateTransfer: ["{transfer}: {n} units from {from} to {to}, expected {expected}.", "{transfer}：{from} → {to}，{n} 件，预计 {expected}。"],
  noTime: ["at no stated time", "未注明时间"],
  transfer_discrepancies: ["Transfers that do not come out even", "数量不符的调拨"],
  transfer_discrepanciesWhy: [
    "More arrived than was sent, goods are lost or damaged, or another location took them in. All movements count.",
    "多收、丢失、破损，或由其他门店收货。所有移动均已计入。",
  ],
  unevenTransfer: ["{transfer} from {from} to {to}: {what}.", "{transfer}（{from} → {to}）：{what}。"],
  "uneven-unmatched": ["more arrived than was sent", "收货多于发货"],
  "uneven-lost": ["goods are lost", "货物丢失"],
  "uneven-damaged": ["goods are damaged", "货物破损"],
  "uneven-over": ["the sender sent more than it booked", "发货方多发"],
  "uneven-wrong_location": ["another location took goods in", "其他门店收货"],
  "uneven-sent_after_cancel": ["goods left although it was cancelled", "取消后仍发货"],

  toItem: ["Show the item", "查看商品"],
  toCount: ["Count it", "去盘点"],
  toOrder: ["Show the order", "查看订单"],
  toPrice: ["Correct the price", "修改价格"],
  compare: ["Compare the receipts.", "请核对小票。"],
  setClock: ["Set the clock.", "请校准时钟。"],
  ask: ["Tell headquarters", "请通知总部"],
});

/** The name of goods inside a sentence. */
const Name = ({ id }) => html`<strong>${useName(id)}</strong>`;

/** A sentence of which some values are drawn: the text is cut at their places. */
function Sentence({ text, parts }) {
  return text.split(/(\{\w+\})/).map((piece) => parts[piece.slice(1, -1)] ?? piece);
}

/** A sentence in which `name` is the name of goods. */
const about = (key, id, values) => {
  const text = t(key, { ...values, name: "{name}" });
  return html`<${Sentence} text=${text} parts=${{ name: html`<${Name} id=${id} />` }} />`;
};

const step = (key, href) => (href ? [{ text: t(key), href }] : []);

// How serious a group is: the first comes first.
const ROWS = {
  differences: (one) => ({ text: t("difference", { text: Object.values(one).join(" · ") }) }),
  shortages: (one, to) => ({
    text: t("shortage", { order: one.order, location: one.location, outcome: t.of(`outcome-${one.outcome ?? ""}`, one.outcome) }),
    at: one.named_at,
    steps: step("toOrder", to.order?.(one.order)),
  }),
  breaches: (one, to) => ({
    text: html`${about("breach", one.item, { n: number(one.units), location: one.location })} ${one.short > 0
      ? t("breachShort", { n: number(one.short) })
      : t("breachCovered")}`,
    at: one.since,
    steps: [...step("toCount", one.short > 0 && to.count?.(one.item)), ...step("toItem", to.item?.(one.location, one.item))],
  }),
  questioned_returns: (one, to) => ({
    text: t("questioned", { original: one.original, location: one.location,
      reason: t.of(`reason-${one.reason}`, one.reason, {
        lines: one.lines.map((line) => t("sold", { name: line.sku, ...line })).join("; ") }) }),
    at: one.at,
    steps: step("toItem", one.lines.length && to.item?.(one.location, one.lines[0].sku)),
    note: one.lines.length ? "" : t("compare"),
  }),
  repeated_receipts: (one) => ({
    text: t("repeated", { receipt: one.receipt, till: one.till || one.location, n: one.movements.length }),
    at: one.movements.at(-1)?.at,
    note: t("compare"),
  }),
  reports: (one, to) => ({
    text: t("report", { order: one.order, event: eventText(one.event), outcome: t.of(`report-${one.outcome}`, one.outcome) }),
    at: one.at,
    steps: step("toOrder", to.order?.(one.order)),
  }),
  waiting: (one, to) => ({
    text: t("wait", { order: one.order, event: eventText(one.event), reason: t.of(`wait-${one.reason}`, one.reason) }),
    at: one.since,
    steps: step("toOrder", to.order?.(one.order)),
  }),
  barcode_conflicts: (one) => ({ text: t("barcode", { barcode: one.barcode, skus: one.skus.join(", ") }), note: t("ask") }),
  price_conflicts: (one, to) => ({
    text: about("price", one.sku, { at: one.at }),
    steps: step("toPrice", to.item?.(one.at, one.sku)),
  }),
  promotion_conflicts: (one) => ({
    text: t("promotion", { first: one.first.promotion, second: one.second.promotion }), note: t("ask"),
  }),
  recipe_conflicts: (one) => ({ text: t("recipe", { sku: one.sku, skus: one.skus.join(", ") }), note: t("ask") }),
  lost_edits: (one, to) => ({
    text: t("edit", { kind: one.kind, key: one.key, lost: one.lost.node, standing: one.standing.node }),
    at: one.standing.at,
    steps: one.kind === "price" ? step("toPrice", to.item?.(one.at, one.key)) : [],
  }),
  late_transfers: (one) => ({
    text: t("lateTransfer", { transfer: one.transfer, n: number(one.in_transit), from: one.from, to: one.to,
      expected: one.expected_at ? moment(one.expected_at) : t("noTime") }),
    at: one.began_at,
  }),
  transfer_discrepancies: (one) => ({
    text: t("unevenTransfer", { transfer: one.transfer, from: one.from || "?", to: one.to || "?",
      what: one.discrepancies.map((name) => t.of(`uneven-${name}`, name)).join(", ") }),
    at: one.began_at,
  }),
  till_clocks: (one) => ({
    text: t("tillClock", { till: one.till || one.location, time: moment(one.occurred_at), state: one.until ? t("over") : "" }),
    at: one.at,
    note: one.until ? "" : t("setClock"),
  }),
  clocks: (one) => ({
    text: t("clock", { node: one.node, by: one.by, n: number(Math.round(Math.abs(one.ahead_ms) / 60_000)),
      direction: t(one.ahead_ms < 0 ? "late" : "ahead"), state: one.until ? t("over") : "" }),
    at: one.at,
    note: one.until ? "" : t("setClock"),
  }),
  duplicates: (one, to) => ({
    text: t("duplicate", { kind: kindText(one.request), first: one.standing.node, second: one.lost.node,
      state: t(one.void ? "isVoided" : "isNotVoided") }),
    at: one.lost.at,
    steps: step("toOrder", one.order && to.order?.(one.order)),
  }),
  key_conflicts: (one, to) => ({
    text: t("conflict", { kinds: one.requests.map(kindText).join(" · "), nodes: one.sides.map((side) => side.node).join(", ") }),
    at: one.sides.at(-1)?.at,
    steps: step("toOrder", one.order && to.order?.(one.order)),
  }),
};

/** The groups that have rows: `{name, title, why, rows: [{text, at?, note?, steps?}]}`, the most serious first. */
export function groupsOf(answer, links) {
  const groups = Object.entries(ROWS).map(([name, row]) => ({ name, rows: answer[name].map((one) => row(one, links)) }));
  if (answer.unreadable) groups.push({ name: "unreadable", rows: [{ text: t("unread", { n: answer.unreadable }) }] });
  return groups
    .filter((group) => group.rows.length)
    .map((group) => ({ ...group, title: t(group.name), why: t(`${group.name}Why`) }));
}

/** One group as a card. */
export const ExceptionGroup = ({ group }) => html`<section class="card look">
  <h2>${group.title} <span class="pill warn">${number(group.rows.length)}</span></h2>
  <p class="small">${group.why}</p>
  <ul>${group.rows.map((row) => html`<li>
    <p>${row.text} ${row.note && html`<em>${row.note}</em>`} ${row.at && html`<small><${When} at=${row.at} /></small>`}</p>
    ${(row.steps ?? []).map((one) => html`<a class="link-button" href=${one.href}>${one.text}</a>`)}
  </li>`)}</ul>
</section>`;
