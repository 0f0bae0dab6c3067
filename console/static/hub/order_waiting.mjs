// Why an event waits, or had no effect, in plain words.

import { moment, words } from "../shell/language.mjs";

const t = words({
  "unknown-order": ["waits for the order, which this hub has not heard of.", "等待订单：本枢纽尚未收到该订单。"],
  "unknown-fulfilment": ["waits for the fulfilment {fulfilment}, which another node may have begun.", "等待履约单 {fulfilment}：可能由其他节点建立。"],
  "early": ["waits for an event that has to come before it.", "等待它之前的事件。"],
  "owner": ["waits for the node that decides about the fulfilment.", "等待负责该履约单的节点。"],
  until: ["If nothing happens until {until}, it is reported.", "若到 {until} 仍未发生，将报告异常。"],
  "impossible": ["could not happen any more.", "已不可能发生。"],
  "late": ["came too late.", "来得太晚。"],
  "short": ["lacked the units.", "缺少库存。"],
  "ambiguous": ["did not say which fulfilment it means.", "没有指明是哪一个履约单。"],
  "duplicate": ["cannot be undone, although the order was placed twice.", "订单重复，但已无法撤销。"],
  "excess": ["brought back more than was handed out.", "退回数量超过交付数量。"],
  "nowhere": ["was declined, and no other location can send all of it.", "被拒单，且没有其他地点能全部发货。"],
  "unwanted": ["was declined, and the customer cancelled it meanwhile.", "被拒单，且顾客已同时取消。"],
  other: ["had no effect: {outcome}.", "未生效：{outcome}。"],
});

const REASONS = ["unknown-order", "unknown-fulfilment", "early", "owner"];
const OUTCOMES = ["impossible", "late", "short", "ambiguous", "duplicate", "excess", "nowhere", "unwanted"];

/** What a waiting event waits for, and until when. */
export function waitText(one) {
  const reason = REASONS.includes(one.reason) ? t(one.reason, { fulfilment: one.fulfilment }) : one.reason;
  return one.until ? `${reason} ${t("until", { until: moment(one.until) })}` : reason;
}

/** Why a reported event had no effect. */
export const reportText = (one) => (OUTCOMES.includes(one.outcome) ? t(one.outcome) : t("other", { outcome: one.outcome }));
