// How many exceptions the hub has, for the navigation and the start page. The page of exceptions tells it too.

import { computed, signal } from "../shell/view.mjs";
import { get } from "../shell/api.mjs";
import { number } from "../shell/language.mjs";
import { follow } from "../shell/live.mjs";

const EVERY_MS = 10_000;
const LIMIT = 100;

const found = signal(undefined);

/** The lists of exceptions in an answer, by kind, without those that ended. */
export function lists(answer) {
  const all = Object.entries(answer).filter(([, rows]) => Array.isArray(rows));
  return Object.fromEntries(all.map(([kind, rows]) => [kind, rows.filter(isOpen)]));
}

/** A clock that is right again, and a shortage that somebody decided about, need nobody. */
const isOpen = (row) => (row.until === undefined || row.until === null || row.event !== undefined) && (row.outcome === undefined || row.outcome === null || row.event !== undefined);

/** Tell what an answer of `/v1/exceptions` says. */
export function note(answer) {
  const count = Object.values(lists(answer)).reduce((sum, rows) => sum + rows.length, 0) + (answer.unreadable ? 1 : 0);
  found.value = { count, isMore: answer.truncated };
}

/** The number as text, with a plus if there are more than the node lists; empty while unknown. */
export const attention = computed(() => (found.value === undefined ? "" : `${number(found.value.count)}${found.value.isMore ? "+" : ""}`));

/** Keep the number fresh until the page is left. */
export function startAttention() {
  let isRunning = false;
  const load = async () => {
    if (isRunning || document.hidden) return;
    isRunning = true;
    try {
      note(await get(`/v1/exceptions?limit=${LIMIT}`));
    } catch {
      // the header says that the node does not answer
    }
    isRunning = false;
  };
  load();
  setInterval(load, EVERY_MS);
  follow((entry) => entry?.kind === "document" && load());
}
