// The pages of the console of a store. To add one, write its module and name it here.

import { words } from "../shell/language.mjs";

const t = words({
  stock: ["Stock", "库存"],
});

/** `key`: the second key after `g`; a page without one is not in the navigation. */
export const pages = [
  { path: "/", name: () => t("stock"), key: "s", load: () => import("./stock.mjs") },
];
