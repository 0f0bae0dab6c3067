// Refusals of the node in the language of the user, by the type of the problem and by the field that it names.
//
// The node writes English: a title for each type, and a detail with names and numbers. In other languages a page says by
// type what to do, by field what is wrong with it, and folds the text of the node beneath, for the help desk.

import { html } from "../shell/view.mjs";
import { language, words } from "../shell/language.mjs";
import { fieldText } from "./field_words.mjs";

const t = words({
  "invalid-request": ["A field has a value that is not possible.", "有一个字段的值无效。"],
  forbidden: ["You may not do this here.", "无权在此执行该操作。"],
  "not-found": ["This node does not know it.", "本节点没有该记录。"],
  "unknown-location": ["This node knows no such location.", "本节点没有该门店或仓库。"],
  "unknown-sku": ["The catalogue has no such goods.", "商品目录中没有该商品。"],
  "barcode-conflict": ["Several SKUs claim this barcode.", "多个商品使用同一条码。"],
  "insufficient-rights": ["There are not enough units that this store may promise.", "本店可承诺的数量不足。"],
  "not-deliverable": ["Goods of the order are not delivered there.", "订单中有商品不配送至该地址。"],
  "not-hosted": ["This node does not write for that location.", "本节点不负责该地点。"],
  "not-replicated": ["No other region has the order yet.", "尚无其他区域确认该订单。"],
  "cursor-unknown": ["The list has changed. Open the page again.", "列表已更新，请重新打开页面。"],
  "malformed-json": ["The node cannot read the request.", "节点无法读取该请求。"],
  "origin-not-allowed": ["This page may not call the node.", "不允许此页面调用该节点。"],
  "not-owner": ["Another node decides about this order.", "该订单由其他节点处理。"],
  "order-exists": ["Another order has this name.", "已有同名订单。"],
  "order-ended": ["This order is over.", "该订单已结束。"],
  "unknown-transfer": ["This node has not heard of the transfer.", "本节点尚不知道该调拨单。"],
  "transfer-state": ["This is not possible any more in the state of the transfer.", "调拨单当前状态不允许此操作。"],
  "invalid-transition": ["This is not possible any more in the state of the order.", "订单当前状态不允许此操作。"],
  unchanged: ["It has this value already.", "该值未变化。"],
  "idempotency-key-reused": [
    "The request changed after it was sent. Check what was recorded.",
    "请求在发送后被修改。请核对已记录的内容。",
  ],
  overtaken: ["The stock changed in this moment. Press again.", "库存刚刚发生变化。请再按一次。"],
  overloaded: ["Too much waits at the node. Press again.", "节点繁忙。请再按一次。"],
  stopping: ["The node is stopping. Press again when it runs.", "节点正在停止。恢复运行后请再按一次。"],
  "storage-full": ["The disk of the node is full. Nothing was recorded.", "节点磁盘已满，未记录任何内容。"],
  "body-too-large": ["This is too much at once. Divide it.", "内容过多。请分批提交。"],
  said: ["What the node says", "节点返回的原文（英文）"],
  internal: ["The node failed. Press again.", "节点出错。请再按一次。"],
});

/** The title of a refusal in words of the user; that of the node for kinds that this page does not know. */
export const problemTitle = (problem) => t.of(problem.kind, problem.document.title);

// What to do about a refusal, by its type. The detail of the node says it in English.
const advice = {
  "invalid-request": "请更正该字段后重新提交。",
  forbidden: "请在节点所在的机器上操作，或联系管理员。",
  "not-found": "请核对编号，或换一个节点查询。",
  "unknown-location": "请核对地点编号，或先新建该地点的主数据。",
  "unknown-sku": "请核对商品或条码，或先新建商品。",
  "barcode-conflict": "请在主数据中只为一个商品保留该条码。",
  "insufficient-rights": "请减少数量，或等其他节点转来可承诺量。",
  "not-deliverable": "请更换地址或商品。",
  "not-hosted": "请在负责该地点的节点上操作。",
  "not-owner": "请在负责该订单的节点上操作。",
  "order-exists": "请使用其他订单号。",
  "order-ended": "请用新的订单号重新下单。",
  "invalid-transition": "请查看订单当前状态，选择可用的操作。",
  "idempotency-key-reused": "请核对已记录的内容，再重新填写。",
};

const fields = words({
  lines: ["Lines", "明细"],
  sku: ["SKU", "商品"],
  item: ["Item", "商品"],
  barcode: ["Barcode", "条码"],
  order: ["Order", "订单号"],
  channel: ["Channel", "渠道"],
  location: ["Location", "地点"],
  customer: ["Customer", "顾客编号"],
  receipt: ["Receipt", "小票号"],
  original: ["Receipt of the sale", "原小票号"],
  till: ["Till", "收银台"],
  reference: ["Reference", "单号"],
  number: ["Number", "编号"],
  reason: ["Reason", "原因"],
  delta: ["Change", "调整数量"],
  counted: ["Counted", "实盘数量"],
  seen: ["Time of the count", "盘点时点"],
  area: ["Area", "区域"],
  ttl_s: ["How long", "预留时长"],
  event: ["Event", "事件"],
  key: ["Key", "键"],
  q: ["Text to search for", "搜索文字"],
  limit: ["Rows of a page", "每页行数"],
  at: ["{n}.", "第 {n} 项"],
});

// What a field needs, where a user can type it wrong.
const needs = {
  quantity: "请输入不小于 1 的整数。",
  counted: "请输入不小于 0 的整数。",
  delta: "请输入不为 0 的整数。",
  amount: "请输入货币最小单位的整数。",
  currency: "请输入 ISO 4217 货币代码，例如 CNY。",
  percent: "请输入大于 0、不超过 100 的数，最多两位小数。",
  barcodes: "请核对条码及其校验位。",
  recipe: "请填写已知的商品及其整数数量。",
  reason: "请填写原因。",
  valid_from: "请填写 RFC 3339 时间，含时区偏移。",
  valid_to: "请填写晚于生效时间的 RFC 3339 时间，含时区偏移。",
  lat: "请输入 -90 到 90 之间的纬度。",
  lon: "请输入 -180 到 180 之间的经度。",
  time_zone: "请填写 IANA 时区名，例如 Asia/Shanghai。",
  q: "请输入至少一个文字或数字，且不要过长。",
  names: "请按语言填写名称。",
};

const partsOf = (field) => field.split(/[.[\]]+/).filter(Boolean);

/** The field of a refusal in words, such as "Lines 2. Quantity" for `lines[1].quantity`. */
export const fieldName = (field) =>
  partsOf(field).map((part) => (/^\d+$/.test(part) ? fields("at", { n: Number(part) + 1 }) : fields.of(part, fieldText(part)))).join(" ");

/** What a refusal says about its field or as a whole, as text. */
export function problemText(problem) {
  if (language.value !== "zh") return problem.message;
  const name = partsOf(problem.field).findLast((part) => part in needs);
  return (problem.kind === "invalid-request" && needs[name]) || advice[problem.kind] || problem.message;
}

/** The same for a page, with what the node wrote if that is another text. */
export function ProblemDetail({ problem }) {
  const text = problemText(problem);
  if (text === problem.message) return html`<p lang="en">${text}</p>`;
  return html`<p>${text}</p><details class="said"><summary>${t("said")}</summary><p class="small" lang="en">${problem.message}</p></details>`;
}
