// The kinds of documents: what they are called, what they are for, and one line about the value of one.

import { named, number, words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { useReading } from "../shell/reading.mjs";

const t = words({
  sku: ["SKUs", "商品"],
  location: ["Locations", "地点"],
  price: ["Prices", "价格"],
  promotion: ["Promotions", "促销"],
  policy: ["Policies", "分配策略"],
  area: ["Delivery areas", "配送区域"],
  calendar: ["Calendars", "日历"],
  carrier: ["Carriers", "承运商"],
  sourcing: ["Sourcing weights", "寻源权重"],
  pool: ["Pools", "库存池"],
  balancing: ["Balancing rules", "调拨规则"],
  balancing_schedule: ["Balancing schedules", "调拨计划时间"],
  incident: ["Incidents", "突发事件"],
  order_machine: ["Order machine", "订单状态机"],
  scale_codes: ["Codes of scales", "秤码规则"],
});

const about = words({
  sku: ["What is sold: its items, barcodes and names.", "销售的商品：构成、条码与名称。"],
  location: ["Stores and warehouses: region, address, time zone.", "门店与仓库：区域、地址、时区。"],
  price: ["What a SKU costs: in the chain, a region or a store.", "商品价格：全链、区域或门店。"],
  promotion: ["What is taken off the price, when, and for whom.", "优惠内容、时间与适用顾客。"],
  policy: ["How much of the stock of stores is sold online.", "门店库存有多少可在线上销售。"],
  area: ["Which addresses are served, by which locations, and what is not delivered there.", "可配送的地址、供货地点与禁配商品。"],
  calendar: ["When locations dispatch goods: times of day, days off, holidays.", "各地点的发货时间、休息日与节假日。"],
  carrier: ["Who brings goods where, how long it takes, and on which days.", "由谁配送、到哪里、需要多久、哪些日期配送。"],
  sourcing: ["What counts how much when a location is chosen for an order.", "为订单选择发货地点时各因素的权重。"],
  pool: ["Locations whose stock some channels sell as one.", "由部分渠道作为一个整体销售的地点。"],
  balancing: ["What locations want at least, have room for, and move in cases.", "各地点的最低陈列、容量与整箱调拨。"],
  balancing_schedule: ["Which hub plans transfers each night, and whether somebody approves them.", "哪个枢纽每晚制定调拨计划，以及是否需要批准。"],
  incident: ["Areas in which something happens, so that nothing is sent from there.", "发生突发事件、暂停发货的区域。"],
  order_machine: ["Which events may happen to orders in which state.", "订单在各状态下允许的事件。"],
  scale_codes: ["How barcodes with a weight or a price inside are read.", "如何读取含重量或价格的条码。"],
});

const s = words({
  keep: ["nothing online", "不在线上销售"],
  safety: ["all but {stock} online", "除 {stock} 外均可线上销售"],
  share: ["{share} of what is available online", "可售量的 {share} 线上销售"],
  both: ["{share} of what is above {stock} online", "超出 {stock} 部分的 {share} 线上销售"],
  forecast: ["the forecast sales ({share} of cases)", "预测销量（覆盖 {share}）"],
  units: [{ one: "{n} unit", other: "{n} units" }, "{n} 件"],
  items: [{ one: "{n} item", other: "{n} items" }, "{n} 种构成"],
});

/** The kinds that have words here, in the order of the list. */
export const KINDS = ["sku", "location", "price", "promotion", "policy", "area", "calendar", "carrier", "sourcing", "pool", "balancing", "balancing_schedule", "incident", "order_machine", "scale_codes"];

export const kindText = (kind) => (KINDS.includes(kind) ? t(kind) : kind);
export const kindAbout = (kind) => (KINDS.includes(kind) ? about(kind) : "");

/** The key that a kind with one document has. */
export const ONLY_KEY = { order_machine: "default", scale_codes: "default" };

const percent = (share) => number(share, { style: "percent", maximumFractionDigits: 2 });

/** A policy as a sentence. */
export function policyText(value) {
  const safety = value.safety_stock ?? 0;
  const stock = typeof safety === "number" ? s("units", { n: safety }) : s("forecast", { share: percent(safety.forecast.quantile) });
  return ["keep", "safety", "share", "both"].includes(value.mode) ? s(value.mode, { stock, share: percent(value.share ?? 1) }) : JSON.stringify(value);
}

/** One line about a value. */
export function summary(kind, value) {
  if (value === null || value === undefined) return "–";
  switch (kind) {
    case "sku": return named(value.names) || s("items", { n: Object.keys(value.recipe ?? {}).length });
    case "location": return [value.name, value.region, value.address?.city].filter(Boolean).join(" · ");
    case "price": return money(value.amount, value.currency);
    case "promotion": return named(value.names) || value.benefit?.type || "";
    case "policy": return policyText(value);
    case "area": case "calendar": case "carrier": case "incident": case "pool": return named(value.names) || value.name || "";
    default: return "";
  }
}

/** The kinds whose documents may also be of a region or a store, once the node has said so. */
export function useRanked() {
  const { answer } = useReading("/v1/documents");
  return (answer?.kinds ?? []).filter((one) => one.ranks.length > 1).map((one) => one.kind);
}
