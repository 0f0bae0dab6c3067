// The pages of the console of a hub. To add one, write its module and name it here.

import { words } from "../shell/language.mjs";
import { attention } from "./attention.mjs";

const t = words({
  overview: ["Overview", "概览"],
  chain: ["The chain", "全链"],
  exceptions: ["Exceptions", "异常"],
  nodes: ["Nodes", "节点"],
  trade: ["Goods and orders", "商品与订单"],
  skus: ["SKUs", "商品"],
  orders: ["Orders", "订单"],
  rules: ["Rules", "规则"],
  documents: ["Documents", "主数据"],
  policies: ["Policies", "分配策略"],
});

const overview = () => t("overview"), trade = () => t("trade"), rules = () => t("rules");

/** `key`: the second key after `g`; a page without one is not in the navigation. `badge`: what it counts. */
export const pages = [
  { path: "/", name: () => t("chain"), key: "c", group: overview, load: () => import("./chain.mjs") },
  { path: "/exceptions", name: () => t("exceptions"), key: "e", group: overview, badge: attention, load: () => import("./exceptions.mjs") },
  { path: "/nodes", name: () => t("nodes"), key: "n", group: overview, load: () => import("./nodes.mjs") },
  { path: "/locations/:location", name: ({ location }) => location, load: () => import("./location.mjs") },
  { path: "/skus", name: () => t("skus"), key: "s", group: trade, load: () => import("./skus.mjs") },
  { path: "/skus/:sku", name: ({ sku }) => sku, load: () => import("./sku.mjs") },
  { path: "/explain/:location/:item", name: ({ item }) => item, load: () => import("./explain.mjs") },
  { path: "/receipts/:location/:number", name: ({ number }) => number, load: () => import("./receipt.mjs") },
  { path: "/orders", name: () => t("orders"), key: "o", group: trade, load: () => import("./orders.mjs") },
  { path: "/orders/:order", name: ({ order }) => order, load: () => import("./order.mjs") },
  { path: "/documents", name: () => t("documents"), key: "d", group: rules, load: () => import("./kinds.mjs") },
  { path: "/documents/:kind", name: ({ kind }) => kind, load: () => import("./documents.mjs") },
  { path: "/documents/:kind/:name", name: ({ name }) => name, load: () => import("./document.mjs") },
  { path: "/policies", name: () => t("policies"), key: "p", group: rules, load: () => import("./policies.mjs") },
];
