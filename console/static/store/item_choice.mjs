// The choice of one item for counts, adjustments and quarantine: scan or search a SKU, then its item with its figures.

import { html, useEffect, useRef, useState } from "../shell/view.mjs";
import { get, path } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { to } from "../shell/route.mjs";
import { Named, useName } from "../widgets/names.mjs";
import { ScanField } from "../widgets/scan.mjs";
import { Failed } from "../widgets/states.mjs";

const t = words({
  several: ["{name} is made of several items. Choose one:", "{name} 由多种商品组成，请选择："],
  pack: ["One {sku} is {n} of this item. Enter single units.", "一份 {sku} 含 {n} 件。请按单件填写。"],
});

/**
 * The chosen item: `{stock, sku, units}`, null before. `units`: how many of the item one scanned SKU has. The figures are
 * read at the moment of the choice, so their token says what was seen then.
 */
export function useChosen(item = "") {
  const [chosen, setChosen] = useState(null);
  const [options, setOptions] = useState(null);
  const [problem, setProblem] = useState(undefined);
  const choose = async (name, sku = name, units = 1) => {
    setProblem(undefined);
    setOptions(null);
    try {
      setChosen({ stock: await get(path`/v1/stock/${name}`), sku, units });
    } catch (error) {
      setProblem(error);
    }
  };
  useEffect(() => {
    if (item) choose(item);
  }, [item]);
  const chooseSku = ({ sku }) => {
    const items = Object.entries(sku.recipe);
    if (items.length === 1) choose(items[0][0], sku.sku, items[0][1]);
    else setOptions({ sku: sku.sku, items });
  };
  const clear = () => {
    setChosen(null);
    setOptions(null);
  };
  return { chosen, options, problem, choose, chooseSku, clear };
}

/** The field with which an item is chosen, and what was chosen. */
export function ItemChoice({ choice, field, children }) {
  const { chosen, options, problem, choose, chooseSku } = choice;
  return html`<${ScanField} choose=${chooseSku} field=${field} />
    ${problem && html`<${Failed} problem=${problem} />`}
    ${options && html`<${Options} options=${options} choose=${choose} />`}
    ${chosen && html`<div class="card chosen">
      <p class="chosen-name"><${Named} id=${chosen.stock.item} href=${to`/items/${chosen.stock.item}`} /></p>
      ${chosen.units > 1 && html`<p class="small">${t("pack", { sku: chosen.sku, n: chosen.units })}</p>`}
      ${children(chosen)}
    </div>`}`;
}

/** The items of a bundle, of which a person means one. The first has the focus, so that the keyboard goes on. */
function Options({ options, choose }) {
  const place = useRef(null);
  const name = useName(options.sku);
  useEffect(() => place.current?.querySelector("button")?.focus(), [options]);
  return html`<div class="card" ref=${place}><p>${t("several", { name })}</p>
    <div class="chips" role="toolbar" aria-label=${t("several", { name })}>
      ${options.items.map(([item, units]) => html`<button type="button" class="chip" key=${item}
        onClick=${() => choose(item, options.sku, units)}><${Name} id=${item} /></button>`)}</div></div>`;
}

const Name = ({ id }) => html`${useName(id)}`;
