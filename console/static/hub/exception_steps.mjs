// The page of the hub that mends an exception. What the exceptions mean is in `widgets/exceptions.mjs`.

import { words } from "../shell/language.mjs";
import { withQuery } from "../shell/api.mjs";
import { to } from "../shell/route.mjs";

const t = words({
  edit: ["Edit {name}", "编辑 {name}"],
  compare: ["Compare and write", "对比并写入"],
  explain: ["See what made it", "查看来源"],
  location: ["Open the location", "查看地点"],
  order: ["Open the order", "查看订单"],
  nodes: ["See the nodes", "查看节点"],
});

const RANKS = { 0: "chain", 1: "region", 2: "store", chain: "chain", region: "region", store: "store" };

const slotOf = (row) => (RANKS[row.rank] === "chain" || row.rank === undefined ? {} : { rank: RANKS[row.rank], at: row.at });
const edit = (kind, key, slot = {}) => ({ text: t("edit", { name: key }), href: withQuery(to`/documents/${kind}/${key}`, slot) });
const location = (row) => [{ text: t("location"), href: to`/locations/${row.location}` }];
const order = (row) => [{ text: t("order"), href: to`/orders/${row.order}` }];
const nodes = () => [{ text: t("nodes"), href: "#/nodes" }];

const STEPS = {
  breaches: (row) => [{ text: t("explain"), href: to`/explain/${row.location}/${row.item}` }],
  shortages: order,
  reports: order,
  waiting: order,
  duplicates: (row) => (row.order ? order(row) : location(row.standing)),
  key_conflicts: (row) => (row.order ? order(row) : location(row.sides[0])),
  barcode_conflicts: (row) => row.skus.map((sku) => edit("sku", sku)),
  recipe_conflicts: (row) => row.skus.map((sku) => edit("sku", sku)),
  price_conflicts: (row) => [edit("price", row.sku, slotOf(row))],
  promotion_conflicts: (row) => [row.first, row.second].map((one) => edit("promotion", one.promotion, slotOf(one))),
  lost_edits: (row) => [{ ...edit(row.kind, row.key, slotOf(row)), text: t("compare") }],
  repeated_receipts: location,
  questioned_returns: location,
  till_clocks: location,
  late_transfers: (row) => [{ text: t("location"), href: to`/locations/${row.to}` }],
  transfer_discrepancies: (row) => [{ text: t("location"), href: to`/locations/${row.to || row.from}` }],
  clocks: nodes,
  differences: nodes,
};

/** The next steps for one exception, as `{text, href}`. */
export const stepsOf = (kind, row) => STEPS[kind]?.(row) ?? nodes();
