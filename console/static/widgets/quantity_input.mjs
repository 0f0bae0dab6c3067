// A quantity in a list of goods: a short field with the sign of the unit, and for pieces perhaps a step down and up.
//
// A scanner may fire while the field has the focus. What it types is too long for a quantity: then the quantity stays as
// it was, and the text is handed on as a scan.

import { html, useRef, useState } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { isMeasured, sign } from "./units.mjs";

const t = words({
  quantity: ["Quantity of {name}", "{name} 的数量"],
  measured: ["{sign} of {name}", "{name} 的数量（{sign}）"],
  fewer: ["One less of {name}", "减少一件 {name}"],
  more: ["One more of {name}", "增加一件 {name}"],
});

const DIGITS = 7; // ten tonnes in grams; the shortest barcode has eight

/** `set` gets a number, or null while the text is none. `leave` is called by Enter, with a scan if there was one. */
export function QuantityInput({ name, unit, value, set, leave, keep, hasSteps = false, isLocked = false }) {
  const before = useRef(value);
  const [typed, setTyped] = useState(null); // what is in the field while it is typed
  const measured = isMeasured(unit);
  const type = (event) => {
    const text = event.target.value;
    setTyped(text);
    set(/^\d+$/.test(text) && text.length <= DIGITS && Number(text) > 0 ? Number(text) : null);
  };
  const press = (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    setTyped(null);
    const text = event.target.value.trim();
    if (text.length > DIGITS) set(before.current);
    leave?.(text.length > DIGITS ? text : "");
  };
  const begin = (event) => {
    before.current = value;
    event.target.select();
  };
  const step = (change) => set(Math.max(1, (value ?? 0) + change));
  const isSteppable = hasSteps && !measured;
  return html`<div class="quantity">
    ${isSteppable && html`<button type="button" class="icon" aria-label=${t("fewer", { name })}
      disabled=${isLocked || (value ?? 0) <= 1} onClick=${() => step(-1)}>−</button>`}
    <input type="text" inputmode="numeric" aria-label=${measured ? t("measured", { name, sign: sign(unit) }) : t("quantity", { name })}
      value=${typed ?? value ?? ""} disabled=${isLocked} ref=${keep} onFocus=${begin} onBlur=${() => setTyped(null)}
      onInput=${type} onKeyDown=${press} />
    ${measured && html`<span class="sign">${sign(unit)}</span>`}
    ${isSteppable && html`<button type="button" class="icon" aria-label=${t("more", { name })} disabled=${isLocked}
      onClick=${() => step(1)}>+</button>`}
  </div>`;
}
