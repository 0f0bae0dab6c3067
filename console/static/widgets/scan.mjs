// One field that scans and searches goods. A scanner types and presses Enter; a person types a part of a name and chooses.
//
// Enter asks the node what the text is: first the barcode, then the best hit of the search. The field is empty at once,
// so that the next scan can begin while the node answers. Scans are answered in the order in which they came.

import { html, useEffect, useId, useRef, useState } from "../shell/view.mjs";
import { get, path, Problem, withQuery } from "../shell/api.mjs";
import { named, words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { noteNames } from "./names.mjs";
import { isMeasured, quantity } from "./units.mjs";

const t = words({
  label: ["Scan or search", "扫码或搜索"],
  hint: ["Barcode, PLU or a part of the name", "条码、PLU 或名称的一部分"],
  unknown: [
    "“{text}” is no barcode, and no name fits. Try a part of the name.",
    "“{text}”不是条码，也没有匹配的商品名称。请输入名称的一部分再试。",
  ],
  twice: [
    "Two SKUs claim the barcode {text}. Search by name, and tell headquarters.",
    "两个商品使用同一条码 {text}。请按名称搜索，并通知总部。",
  ],
  unreached: [
    "The node does not answer, so “{text}” was not looked up. Scan it again.",
    "节点没有响应，未能查询“{text}”。请重新扫码。",
  ],
  hits: [{ one: "{n} hit", other: "{n} hits" }, "{n} 个结果"],
  left: ["{n} left", "余 {n}"],
});

const SEARCH_AFTER_MS = 120;
const HITS = 8;

const isCode = (text) => /^[0-9]{4,}$|^[\]\x1d(]|^https?:\/\//i.test(text);

/**
 * `choose({sku, quantity, amount})` gets the SKU as `GET /v1/skus/{sku}` shows it, and what the barcode says about the
 * goods in hand: quantity and price, each perhaps undefined. `label` names the field. `field`: a ref of the input. `feed`: a
 * ref that gets `{scan(text), done()}`: the first takes a scan that went elsewhere, the second waits for those under way.
 */
export function ScanField({ choose, label, field, feed, isDisabled = false }) {
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  const [mark, setMark] = useState(-1);
  const own = useRef(null), queue = useRef(Promise.resolve());
  const input = field ?? own;
  const id = useId();
  const hits = useHits(text);
  useEffect(() => setMark(-1), [text]);
  const take = (work, shown) => {
    setText("");
    setFault("");
    input.current?.focus();
    queue.current = queue.current.then(async () => {
      try {
        choose(await work());
      } catch (error) {
        setFault(faultText(error, shown));
      }
    });
  };
  if (feed) feed.current = { scan: (scan) => take(() => find(scan), scan), done: () => queue.current };
  const press = (event) => {
    if (event.isComposing) return; // Enter that ends a word of an input method adds nothing
    const typed = event.target.value.trim(); // a scanner types faster than the page draws
    if (event.key === "Enter" && typed) {
      event.preventDefault();
      if (hits[mark]) take(() => read(hits[mark].sku), typed);
      else take(() => find(typed), typed);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!hits.length) return;
      event.preventDefault();
      setMark((mark + (event.key === "ArrowDown" ? 1 : hits.length + (mark < 0 ? 0 : -1))) % hits.length);
    } else if (event.key === "Escape") setText("");
  };
  return html`<div class="scan">
    <label for=${id}>${label ?? t("label")}</label>
    <input ref=${input} id=${id} type="search" role="combobox" autocomplete="off" autocapitalize="none" spellcheck="false"
      enterkeyhint="search" placeholder=${t("hint")} value=${text} disabled=${isDisabled} aria-autocomplete="list"
      aria-expanded=${hits.length > 0} aria-controls=${`${id}-hits`}
      aria-activedescendant=${hits[mark] ? `${id}-${mark}` : undefined}
      onInput=${(event) => setText(event.target.value)} onKeyDown=${press} />
    <ul id=${`${id}-hits`} role="listbox" aria-label=${t("hits", { n: hits.length })} hidden=${hits.length === 0}>
      ${hits.map((hit, index) => html`<${Hit} id=${`${id}-${index}`} hit=${hit} isMarked=${index === mark}
        take=${() => take(() => read(hit.sku), hit.sku)} />`)}
    </ul>
    ${fault && html`<p class="fault" role="alert">${fault}</p>`}
  </div>`;
}

function Hit({ id, hit, isMarked, take }) {
  const price = hit.price === undefined ? "" : money(hit.price, hit.currency);
  const per = hit.per > 1 ? ` / ${quantity(hit.per, hit.unit)}` : "";
  return html`<li id=${id} role="option" aria-selected=${isMarked} onMouseDown=${(event) => event.preventDefault()} onClick=${take}>
    <span class="named"><span class="name">${named(hit.names, hit.sku)}</span> <small class="id">${hit.sku}</small></span>
    <span class="hit-facts">${price && html`<strong>${price}${per}</strong>`}
      <small>${t("left", { n: quantity(hit.available, hit.unit) })}</small></span>
  </li>`;
}

/** The hits of a text, a moment after it was typed. */
function useHits(text) {
  const [hits, setHits] = useState([]);
  useEffect(() => {
    const typed = text.trim();
    setHits([]);
    if (typed.length < 1 || (isCode(typed) && typed.length > 5)) return undefined;
    const ending = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const answer = await search(typed, ending.signal);
        setHits(answer.skus);
      } catch {
        // Enter asks again, and says what is wrong
      }
    }, SEARCH_AFTER_MS);
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [text]);
  return hits;
}

async function search(text, signal) {
  const answer = await get(withQuery("/v1/search", { q: text, limit: HITS }), { signal });
  for (const hit of answer.skus) noteNames(hit.sku, hit.names);
  return answer;
}

async function read(sku) {
  const answer = await get(path`/v1/skus/${sku}`);
  noteNames(sku, answer.names);
  return { sku: answer, quantity: undefined, amount: undefined };
}

/** What a text means: a barcode, the id of a SKU, or the best hit of the search. */
async function find(text) {
  try {
    const { sku, quantity, amount } = await get(path`/v1/scan/${text}`);
    noteNames(sku.sku, sku.names);
    // a code without a weight says 1, which is one gram of weighed goods: nobody means that
    return { sku, quantity: isMeasured(sku.unit) && quantity === 1 ? undefined : quantity, amount };
  } catch (error) {
    if (!(error instanceof Problem) || error.status === 409 || error.status >= 500) throw error;
    const { skus } = await search(text);
    if (!skus.length) throw error;
    return read((skus.find((hit) => hit.sku === text) ?? skus[0]).sku);
  }
}

function faultText(error, text) {
  if (!(error instanceof Problem)) return t("unreached", { text });
  return error.kind === "barcode-conflict" ? t("twice", { text }) : t("unknown", { text });
}
