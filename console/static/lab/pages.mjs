// The one page of the lab.

import { words } from "../shell/language.mjs";

const t = words({ chain: ["The chain", "连锁"] });

export const pages = [{ path: "/", name: () => t("chain"), key: "c", load: () => import("./lab.mjs") }];
