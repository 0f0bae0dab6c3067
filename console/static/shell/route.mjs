// Which page is open: the part of the address after `#`, such as `#/items/cola?tab=rights`.

import { signal } from "./view.mjs";

const current = () => location.hash.replace(/^#/, "") || "/";

/** The open address. */
export const route = signal(current());
addEventListener("hashchange", () => (route.value = current()));

/** An address with each variable percent-encoded: to`/items/${item}`. */
export const to = (texts, ...values) =>
  `#${texts.reduce((made, text, index) => made + encodeURIComponent(values[index - 1]) + text)}`;

/** Open an address made by `to`. */
export const open = (address) => (location.hash = address);

/** The fields after `?` of the open address. */
export const fields = () => new URLSearchParams(route.value.split("?")[1] ?? "");

/** Change fields of the open address without a step in the history. Not while another address is being opened. */
export function setFields(changes) {
  if (current() !== route.value) return;
  const [base] = route.value.split("?");
  const all = fields();
  for (const [name, value] of Object.entries(changes)) value ? all.set(name, value) : all.delete(name);
  history.replaceState(null, "", `#${base}${all.size ? `?${all}` : ""}`);
  route.value = current();
}

/** The variables of a pattern such as `/items/:item` in an address, or null if it does not fit. */
export function match(pattern, address) {
  const wanted = pattern.split("/");
  const parts = address.split("?")[0].split("/");
  if (wanted.length !== parts.length) return null;
  const variables = {};
  for (const [index, part] of wanted.entries()) {
    if (part.startsWith(":")) variables[part.slice(1)] = decodeURIComponent(parts[index]);
    else if (part !== parts[index]) return null;
  }
  return variables;
}
