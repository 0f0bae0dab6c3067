// Enter in a search field opens the first row: the first of what was typed, also if its answer is still on its way.

import { useEffect, useState } from "../shell/view.mjs";
import { open } from "../shell/route.mjs";

/**
 * Returns the function that Enter calls. `asked`: the text of the newest call, `url` that call, `pages` its reading;
 * `addressOf(row)` is the page of a row.
 */
export function useOpenFirst({ typed, asked, url, pages, addressOf }) {
  const [wanted, setWanted] = useState(null);
  useEffect(() => {
    if (wanted === null || wanted !== asked || pages.url !== url) return;
    setWanted(null);
    if (pages.rows.length) open(addressOf(pages.rows[0]));
  }, [wanted, asked, url, pages.url]);
  return () => setWanted(typed);
}
