// What the node of the store says about itself. The header reads it; pages show parts of it.

import { signal } from "../shell/view.mjs";

/** The last answer of `GET /v1/status`, null before the first. */
export const nodeStatus = signal(null);

/** Whether the store has no hub at all, and so misses none. */
export const isAlone = (status) => status.reason === "no hub configured";

/** Whether headquarters is away: the store works on, and its entries wait. */
export const isAway = (status) => !status.connected && !isAlone(status);
