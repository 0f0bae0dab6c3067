// The names of SKUs and items in the language of the user. Pages show them wherever the node answers with an id.
//
// A name is read once, from a list that has it or from the document of the SKU, and again after somebody wrote it. Lists
// of stock know the names of items. Elsewhere an item has the name of the SKU that has the same id, if there is one.

import { html, signal, useEffect } from "../shell/view.mjs";
import { get, path } from "../shell/api.mjs";
import { named } from "../shell/language.mjs";
import { follow } from "../shell/live.mjs";

const AT_ONCE = 6;

const known = new Map(); // id -> signal of the names, null while unknown
const asked = new Set();
const waiting = [];
let running = 0;

function signalOf(id) {
  if (!known.has(id)) known.set(id, signal(null));
  return known.get(id);
}

/** Note names that a page knows from another answer. Empty ones mean that it has no name. */
export function noteNames(id, names) {
  if (!names) return;
  asked.add(id);
  signalOf(id).value = names;
}

/** Read a list of stock, and note the names in its rows, so that no row asks for its own. */
export async function getStock(url, options) {
  const answer = await get(url, options);
  for (const row of answer.items) noteNames(row.item, row.names);
  return answer;
}

async function load() {
  while (running < AT_ONCE && waiting.length) {
    const id = waiting.shift();
    running += 1;
    get(path`/v1/documents/sku/${id}`)
      .then((answer) => (signalOf(id).value = answer.value?.names ?? {}))
      .catch(() => {}) // no document, or no node: the id is shown
      .finally(() => {
        running -= 1;
        load();
      });
  }
}

follow((entry) => {
  if (entry?.kind !== "document" || entry.facts.kind !== "sku" || !asked.delete(entry.facts.key)) return;
  ask(entry.facts.key);
});

function ask(id) {
  if (asked.has(id)) return;
  asked.add(id);
  waiting.push(id);
  load();
}

/** The name of a SKU or item; its id while no name is known. */
export function useName(id) {
  const names = signalOf(id);
  useEffect(() => {
    if (id && names.value === null) ask(id);
  }, [id]);
  return named(names.value, id);
}

/** The name of a SKU or item with its id beside it, as a link if `href` is given. */
export function Named({ id, href }) {
  const name = useName(id);
  const text = html`<span class="name">${name}</span>`;
  return html`<span class="named">${href ? html`<a href=${href}>${text}</a>` : text}
    ${name !== id && html` <small class="id">${id}</small>`}</span>`;
}
