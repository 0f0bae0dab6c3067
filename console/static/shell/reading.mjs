// Reads a call for a page and keeps it fresh: loading, answer, refusal, offline, and how old the answer is.

import { useEffect, useRef, useState } from "./view.mjs";
import { get, Problem } from "./api.mjs";
import { follow } from "./live.mjs";

const PAUSE_MS = 500; // between two reads of one call, so that a busy store does not read without end

const NOTHING = { answer: undefined, url: undefined, problem: undefined, isOffline: false, isLoading: true, atMs: 0 };

/**
 * Read `url` (null: nothing yet). Reads again after entries that `concerns` accepts, and every `everyMs`.
 *
 * Returns `{answer, url, problem, isOffline, isLoading, atMs, again}`; `url` is what the answer is of. An answer stays while the next one is on its way or
 * fails, so that a page never goes blank. With `keeps` it stays also while another `url` is read: for what is typed.
 */
export function useReading(url, { concerns = null, everyMs = 0, read = get, keeps = false } = {}) {
  const [state, setState] = useState(NOTHING);
  const again = useRef(() => {});
  const wants = useRef(concerns);
  wants.current = concerns;
  useEffect(() => {
    setState((old) => (keeps && url !== null ? { ...old, problem: undefined, isLoading: true } : NOTHING));
    if (url === null) return undefined;
    const ending = new AbortController();
    let running = false, isDue = false, timer = 0;
    const load = async () => {
      if (running) return void (isDue = true);
      running = true;
      isDue = false;
      setState((old) => ({ ...old, isLoading: true }));
      try {
        const answer = await read(url, { signal: ending.signal });
        setState({ answer, url, problem: undefined, isOffline: false, isLoading: false, atMs: Date.now() });
      } catch (error) {
        if (ending.signal.aborted) return;
        const problem = error instanceof Problem ? error : undefined;
        setState((old) => ({ ...old, problem, isOffline: problem === undefined, isLoading: false }));
      }
      timer = setTimeout(() => {
        running = false;
        if (isDue) load();
      }, PAUSE_MS);
    };
    again.current = load;
    load();
    const leave = follow((entry) => wants.current && (entry === null || wants.current(entry)) && load());
    const ticking = everyMs ? setInterval(load, everyMs) : 0;
    return () => {
      ending.abort();
      leave();
      clearTimeout(timer);
      clearInterval(ticking);
    };
  }, [url, everyMs]);
  return { ...state, again: () => again.current() };
}

/**
 * Read a list page by page: `{rows, more, …}`; `more` is null on the last page. `rowsOf` and `next` take an answer.
 * `cursorName`: the name of the query field that gets the cursor. `keyOf` names a row: the first page is read again and again,
 * and what leaves it then stays in the list.
 */
export function usePages(
  url,
  { rowsOf, next = (answer) => answer.next, concerns = null, read = get, keeps = false, cursorName = "cursor", keyOf = null },
) {
  const first = useReading(url, { concerns, read, keeps });
  const shown = useRef({ url, rows: [] });
  const [older, setOlder] = useState({ url, rows: [], cursor: undefined, isLoading: false, problem: undefined });
  const added = older.url === url ? older : { url, rows: [], cursor: undefined, isLoading: false, problem: undefined };
  const cursor = added.cursor === undefined ? first.answer && next(first.answer) : added.cursor;
  const more = async () => {
    setOlder({ ...added, isLoading: true });
    try {
      const answer = await read(`${url}${url.includes("?") ? "&" : "?"}${cursorName}=${encodeURIComponent(cursor)}`);
      setOlder({ url, rows: [...added.rows, ...rowsOf(answer)], cursor: next(answer) ?? null, isLoading: false });
    } catch (problem) {
      setOlder({ ...added, isLoading: false, problem });
    }
  };
  const newest = first.answer ? rowsOf(first.answer) : undefined;
  useEffect(() => {
    if (!newest) return;
    const before = shown.current.url === url ? shown.current.rows : [];
    shown.current = { url, rows: newest };
    if (!keyOf || added.cursor === undefined) return;
    const here = new Set(newest.map(keyOf));
    const left = before.filter((row) => !here.has(keyOf(row)));
    if (left.length) setOlder((old) => ({ ...old, rows: [...left, ...old.rows] }));
  }, [first.answer]);
  const rows = newest && distinct([...newest, ...added.rows], keyOf);
  return { ...first, rows, more: cursor ? more : null, isLoadingMore: added.isLoading, moreProblem: added.problem };
}

/** Rows without those that came before under the same key. */
function distinct(rows, keyOf) {
  if (!keyOf) return rows;
  const found = new Map();
  for (const row of rows) if (!found.has(keyOf(row))) found.set(keyOf(row), row);
  return [...found.values()];
}
