// The pages of the console of a store. To add one, write its module and name it here.

import { words } from "../shell/language.mjs";

const t = words({
  atTill: ["With customers", "接待顾客"],
  goods: ["Goods", "商品"],
  node: ["This store", "本店"],
  till: ["Till", "收银台"],
  pickups: ["Pickups and holds", "自提与预留"],
  stock: ["Stock", "库存"],
  receive: ["Receive goods", "收货"],
  count: ["Count", "盘点"],
  adjust: ["Adjust", "库存调整"],
  quarantine: ["Quarantine", "隔离待检"],
  look: ["To look at", "待处理"],
  sync: ["Line to headquarters", "总部连接"],
  item: ["Stock of {item}", "{item} 的库存"],
  explain: ["Why: {item}", "数字来源：{item}"],
  order: ["Order {order}", "订单 {order}"],
  receipt: ["Receipt {number}", "小票 {number}"],
});

const atTill = () => t("atTill"), goods = () => t("goods"), node = () => t("node");

/** `key`: the second key after `g`; a page without one is not in the navigation. */
export const pages = [
  { path: "/", name: () => t("till"), key: "t", group: atTill, load: () => import("./till.mjs") },
  { path: "/pickups", name: () => t("pickups"), key: "p", group: atTill, load: () => import("./pickups.mjs") },
  { path: "/stock", name: () => t("stock"), key: "s", group: goods, load: () => import("./stock.mjs") },
  { path: "/receive", name: () => t("receive"), key: "r", group: goods, load: () => import("./receive.mjs") },
  { path: "/count", name: () => t("count"), key: "c", group: goods, load: () => import("./count.mjs") },
  { path: "/adjust", name: () => t("adjust"), key: "a", group: goods, load: () => import("./adjust.mjs") },
  { path: "/quarantine", name: () => t("quarantine"), key: "q", group: goods, load: () => import("./quarantine.mjs") },
  { path: "/look", name: () => t("look"), key: "l", group: node, load: () => import("./look.mjs") },
  { path: "/sync", name: () => t("sync"), key: "h", group: node, load: () => import("./sync.mjs") },
  { path: "/items/:item", name: (of) => t("item", of), load: () => import("./item.mjs") },
  { path: "/explain/:item", name: (of) => t("explain", of), load: () => import("./explain.mjs") },
  { path: "/count/:item", name: () => t("count"), load: () => import("./count.mjs") },
  { path: "/receipts/:number", name: (of) => t("receipt", of), load: () => import("./receipt.mjs") },
  { path: "/orders/:order", name: (of) => t("order", of), load: () => import("./order.mjs") },
];
