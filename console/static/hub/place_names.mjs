// The names of locations. They are read once, and again after somebody wrote a document of a location.

import { signal, useEffect } from "../shell/view.mjs";
import { get } from "../shell/api.mjs";
import { follow } from "../shell/live.mjs";

const names = signal({});
let isRead = false;

async function load() {
  isRead = true;
  const found = {};
  try {
    for (let next = ""; next !== null; ) {
      const page = await get(`/v1/documents/location?limit=1000${next && `&cursor=${encodeURIComponent(next)}`}`);
      for (const one of page.documents) if (one.value?.name) found[one.key] = one.value.name;
      next = page.next;
    }
    names.value = found;
  } catch {
    isRead = false; // the next page that needs names tries again; until then it shows ids
  }
}

follow((entry) => isRead && (entry === null || (entry.kind === "document" && entry.facts.kind === "location")) && load());

/** The names of all locations, by id. A location without a name is not among them. */
export function usePlaceNames() {
  useEffect(() => void (isRead || load()), []);
  return names.value;
}

/** The name of a location among `names`; its id without one. */
export const placeName = (names, location) => names[location] ?? location;
