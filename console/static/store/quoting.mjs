// What a basket costs, as the node computes it from prices and promotions.

import { useEffect, useState } from "../shell/view.mjs";
import { ask } from "../shell/api.mjs";
import { requestLines } from "./basket.mjs";

const AFTER_MS = 80;

/**
 * The quote of lines of a basket: `{answer, failed, isWanted}`. A quote stays until the next one is there.
 */
export function useQuote(lines, isWanted) {
  const [quote, setQuote] = useState({ answer: undefined, failed: false });
  const known = requestLines(lines.filter((line) => line.quantity > 0));
  const text = JSON.stringify(known);
  useEffect(() => {
    if (!isWanted || !known.length) return void setQuote({ answer: undefined, failed: false });
    const ending = new AbortController();
    const timer = setTimeout(() => {
      ask("/v1/quote", { lines: known }, { signal: ending.signal }).then(
        (answer) => setQuote({ answer, failed: false }),
        () => ending.signal.aborted || setQuote((old) => ({ ...old, failed: true })),
      );
    }, AFTER_MS);
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [text, isWanted]);
  return { ...quote, isWanted };
}
