// What accounts, routes and kinds of entries are called, and what a route adds to each figure.
//
// An account of a node is `owner/bucket`; an account without a slash is outside the building.

import { words } from "../shell/language.mjs";

const t = words({
  free: ["{owner}: may promise", "{owner}：可承诺"],
  held: ["{owner}: held for orders", "{owner}：订单预占"],
  quarantine: ["{owner}: quarantined", "{owner}：隔离待检"],
  channel: ["{owner}: for the channel {name}", "{owner}：渠道 {name}"],
  campaign: ["{owner}: for the campaign {name}", "{owner}：活动 {name}"],
  other: ["{owner}: {name}", "{owner}：{name}"],
  supplier: ["suppliers", "供应商"],
  customer: ["customers", "顾客"],
  loss: ["losses", "损耗"],
  found: ["found", "盘盈"],
  opening: ["opening stock", "期初库存"],
  transit: ["on the way ({name})", "在途（{name}）"],

  received: ["Goods received", "收货入库"],
  sold: ["Sold", "销售"],
  returned: ["Returned by customers", "顾客退货"],
  handedOut: ["Handed out for orders", "订单交付"],
  lost: ["Written off or missing", "报损与盘亏"],
  foundMore: ["Found more than booked", "盘盈"],
  opened: ["Opening stock", "期初库存"],
  heldFor: ["Held for orders", "订单预占"],
  released: ["Released from orders", "预占释放"],
  putAside: ["Put into quarantine", "转入隔离"],
  restocked: ["Back on the shelf", "重新上架"],
  granted: ["Rights given by {from} to {to}", "{from} 转给 {to} 的可承诺量"],
  set: ["Set aside: {name}", "划拨：{name}"],
  sent: ["Sent to another location", "调出"],
  arrived: ["Arrived from another location", "调入"],
  undone: ["Goods receipt taken back", "撤销收货"],
  moved: ["{from} → {to}", "{from} → {to}"],
});

const k = words({
  sale: ["Sale", "销售"],
  return: ["Return", "退货"],
  receipt: ["Goods receipt", "收货"],
  count: ["Count", "盘点"],
  correction: ["Correction of a count", "盘点修正"],
  adjustment: ["Adjustment", "库存调整"],
  quarantine: ["Quarantine", "隔离处理"],
  grant: ["Rights moved", "可承诺量转移"],
  allotment: ["Units set aside for a channel", "渠道划拨"],
  order: ["Order", "订单"],
  void: ["Duplicate taken back", "重复冲销"],
  return_correction: ["Correction of a return", "退货修正"],
  document: ["Document", "主数据"],
  transfer: ["Transfer", "调拨"],
});

/** The kind of an entry in words. */
export const kindText = (kind) => k.of(kind, kind);

export const isInternal = (account) => account.includes("/");
export const ownerOf = (account) => account.split("/")[0];
export const bucketOf = (account) => (isInternal(account) ? account.slice(account.indexOf("/") + 1) : "");

/** The name of a node without its incarnation. */
export const nodeOf = (writer) => writer.split("#")[0];

/** An account in words. */
export function accountText(account) {
  if (!isInternal(account)) {
    if (account.startsWith("transit.")) return t("transit", { name: account.slice(8) });
    return t.of(account, account);
  }
  const owner = ownerOf(account), bucket = bucketOf(account);
  const [sort, name] = [bucket.split(".")[0], bucket.slice(bucket.indexOf(".") + 1)];
  if (["free", "held", "quarantine", "channel", "campaign"].includes(sort)) return t(sort, { owner, name });
  return t("other", { owner, name: bucket });
}

const FROM_OUTSIDE = { supplier: "received", customer: "returned", found: "foundMore", opening: "opened", loss: "foundMore" };
const TO_OUTSIDE = { customer: "sold", loss: "lost", found: "lost", supplier: "undone", opening: "lost" };

/** Why units moved along a route, in words. */
export function causeText(source, target) {
  if (!isInternal(source)) return source.startsWith("transit.") ? t("arrived") : t(FROM_OUTSIDE[source] ?? "received");
  if (!isInternal(target)) {
    if (target.startsWith("transit.")) return t("sent");
    return target === "customer" && bucketOf(source) === "held" ? t("handedOut") : t(TO_OUTSIDE[target] ?? "lost");
  }
  const [from, to] = [bucketOf(source), bucketOf(target)];
  if (to === "held" && from !== "held") return t("heldFor");
  if (from === "held" && to !== "held") return t("released");
  if (to === "quarantine") return t("putAside");
  if (from === "quarantine") return t("restocked");
  if (ownerOf(source) !== ownerOf(target)) return t("granted", { from: ownerOf(source), to: ownerOf(target) });
  if (to.includes(".")) return t("set", { name: to.slice(to.indexOf(".") + 1) });
  return t("moved", { from: accountText(source), to: accountText(target) });
}

const isFigure = {
  on_hand: () => true,
  reserved: (bucket) => bucket === "held",
  quarantined: (bucket) => bucket === "quarantine",
  available: (bucket) => bucket !== "held" && bucket !== "quarantine",
};

/** The figures that can be explained. `rights` are those of one node, so they need its name. */
export const FIGURES = [...Object.keys(isFigure), "rights"];

/** Whether the units of an account count in a figure. `node`: whose rights. */
export function counts(figure, account, node = "") {
  if (!isInternal(account)) return false;
  if (figure === "rights") return ownerOf(account) === node && isFigure.available(bucketOf(account));
  return isFigure[figure](bucketOf(account));
}

/** By how much one unit along a route changes a figure: 1, 0 or -1. */
export const effect = (figure, source, target, node = "") => counts(figure, target, node) - counts(figure, source, node);
