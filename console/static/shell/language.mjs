// The languages of the console. Each text stands beside its translation, so neither can be forgotten.
//
//   const t = words({ sold: [{ one: "{n} unit sold", other: "{n} units sold" }, "已售 {n} 件"] });
//   t("sold", { n: 3 })
//
// A text may depend on the count `n` by the plural forms of its language (Unicode CLDR). The language is a signal, so
// every page that shows a text is drawn again when the user switches.

import { signal } from "./view.mjs";
import { remembered, remember } from "./memory.mjs";

export const LANGUAGES = [
  { tag: "en", name: "English" },
  { tag: "zh", name: "中文" },
];

const preferred = () => (navigator.languages ?? []).some((tag) => tag.toLowerCase().startsWith("zh"));
const isKnown = (tag) => LANGUAGES.some((one) => one.tag === tag);

export const language = signal(isKnown(remembered("language")) ? remembered("language") : preferred() ? "zh" : "en");

export function switchLanguage(tag) {
  language.value = tag;
  remember("language", tag);
}

// Every text of every page that is loaded. Tests read it.
export const allWords = new Map();

/**
 * Make the function that translates the texts of one page. Each entry is `[English, Chinese]`. Its `of` is for names that
 * the node answers, such as states: a later version of the node may know more of them than the page has texts for.
 */
export function words(table) {
  for (const [key, texts] of Object.entries(table)) allWords.set(`${key}:${JSON.stringify(texts)}`, texts);
  const translate = (key, values = {}) => {
    const texts = table[key];
    if (texts === undefined) throw new Error(`There is no text ${key}.`);
    return filled(chosen(texts[LANGUAGES.findIndex((one) => one.tag === language.value)], values.n), values);
  };
  translate.of = (key, otherwise, values) => (Object.hasOwn(table, key) ? translate(key, values) : otherwise);
  return translate;
}

const chosen = (text, n) =>
  typeof text === "string" ? text : (text[formatter("PluralRules").select(n)] ?? text.other);

const filled = (text, values) =>
  text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));

/** A text that the catalogue has in several languages, such as the names of a SKU. */
export function named(texts, otherwise = "") {
  if (!texts) return otherwise;
  const tags = Object.keys(texts);
  const near = tags.find((tag) => tag.toLowerCase().split("-")[0] === language.value);
  return texts[near ?? tags.find((tag) => tag.toLowerCase().startsWith("en")) ?? tags[0]] ?? otherwise;
}

const formats = new Map();

/** A formatter of `Intl` in the language of the page, such as `NumberFormat`. It is kept, because making one is slow. */
export function formatter(kind, options) {
  const name = `${language.value} ${kind} ${options === undefined ? "" : JSON.stringify(options)}`;
  if (!formats.has(name)) formats.set(name, new Intl[kind](language.value, options));
  return formats.get(name);
}

/** A number as it is written in the language of the page. */
export const number = (value, options) => formatter("NumberFormat", options).format(value);

/** A moment as date and time of the reader's own zone. */
export const moment = (text) =>
  formatter("DateTimeFormat", { dateStyle: "medium", timeStyle: "medium" }).format(new Date(text));

/** A moment as briefly as it is clear: the time of today, else day and time. */
export function briefly(text) {
  const at = new Date(text);
  const isToday = at.toDateString() === new Date().toDateString();
  const style = isToday
    ? { hour: "2-digit", minute: "2-digit", second: "2-digit" }
    : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  return formatter("DateTimeFormat", { ...style, hourCycle: "h23" }).format(at);
}

/** The day of a moment. */
export const day = (text) => formatter("DateTimeFormat", { dateStyle: "medium" }).format(new Date(text));

const STEPS = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 365],
  ["year", Infinity],
];

/** How long ago something was, in the largest unit that fits: "3 minutes ago". */
export function ago(seconds) {
  const style = formatter("RelativeTimeFormat", { numeric: "always", style: "short" });
  let left = Math.max(0, seconds);
  for (const [unit, size] of STEPS) {
    if (left < size) return style.format(-Math.floor(left), unit);
    left /= size;
  }
}
