// The pages of the console of a hub. To add one, write its module and name it here.

import { words } from "../shell/language.mjs";

const t = words({
  nodes: ["Nodes", "节点"],
});

/** `key`: the second key after `g`; a page without one is not in the navigation. */
export const pages = [
  { path: "/", name: () => t("nodes"), key: "n", load: () => import("./nodes.mjs") },
];
