// The one place where a page learns who uses it and what the user may do.
//
// Nodes have no keys yet and serve their own machine only, so everybody may do everything. Pages ask `may` before they
// offer an action; when sign-in comes, only this module changes.

import { signal } from "./view.mjs";

/** Who uses the page: the actor that is written into entries, and the role. */
export const session = signal({ actor: "console", role: "operator" });

/** Whether the user may do something, such as `sell`, `count`, `write-document`. */
export const may = (action) => session.value !== null && action !== "";
