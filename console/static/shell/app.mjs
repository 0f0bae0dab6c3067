// The frame of every console: header with the state of the node, navigation, the open page, keys of the keyboard.
//
// A console hands in its pages: `{path, name, key, group, badge, load}`. `name()` is the text in the navigation; a page
// without `key` is not in it. `badge` is a signal of the number beside the name. `load()` imports the module of the page,
// whose default export draws it. A page is loaded when it is opened first, so that the first page stays small.

import { html, render, signal, useEffect, useRef, useState } from "./view.mjs";
import { LANGUAGES, language, switchLanguage, words } from "./language.mjs";
import { startLive } from "./live.mjs";
import { match, open, route } from "./route.mjs";
import { remember, remembered } from "./memory.mjs";
import { Failed, Loading } from "../widgets/states.mjs";

const t = words({
  skip: ["Skip to the content", "跳到正文"],
  menu: ["Menu", "菜单"],
  pages: ["Pages", "页面"],
  language: ["Language", "语言"],
  theme: ["Appearance", "外观"],
  auto: ["As the system", "跟随系统"],
  light: ["Light", "浅色"],
  dark: ["Dark", "深色"],
  keys: ["Keyboard", "键盘"],
  keysTitle: ["Keys of the keyboard", "键盘快捷键"],
  keySearch: ["Go to the search field of the page", "转到本页的搜索框"],
  keyHelp: ["Show this list", "显示此列表"],
  keyGo: ["Open {page}", "打开{page}"],
  close: ["Close", "关闭"],
  noPage: ["There is no such page.", "没有这个页面。"],
  start: ["Go to the start page", "转到首页"],
});

const theme = signal(remembered("theme") ?? "auto");

function useTheme() {
  useEffect(() => {
    if (theme.value === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset.theme = theme.value;
    remember("theme", theme.value);
  }, [theme.value]);
}

/**
 * Start a console: draw it and follow the feed of its node. `Status` draws the state of the node in the header. `keys`
 * are further keys of the keyboard: `{key, text(), press()}`.
 */
export function start({ brand, pages, Status, feed, keys = [] }) {
  startLive(feed);
  const root = document.getElementById("app");
  root.replaceChildren();
  render(html`<${App} brand=${brand} pages=${pages} Status=${Status} keys=${keys} />`, root);
}

function App({ brand, pages, Status, keys }) {
  useTheme();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const found = opened(pages, route.value);
  useEffect(() => {
    document.documentElement.lang = language.value;
  }, [language.value]);
  useEffect(() => setMenuOpen(false), [route.value]);
  return html`
    <a class="skip" href="#content" onClick=${skipToContent}>${t("skip")}</a>
    <header class="bar">
      <a class="brand" href="#/"><span aria-hidden="true" class="mark"></span><span class="brand-name">${brand()}</span></a>
      <${Status} />
      <div class="choices">
        <${Choice} label=${t("language")} value=${language.value} choose=${switchLanguage}
          options=${LANGUAGES.map((one) => [one.tag, one.name])} />
        <${Choice} label=${t("theme")} value=${theme.value} choose=${(name) => (theme.value = name)}
          options=${["auto", "light", "dark"].map((name) => [name, t(name)])} />
      </div>
      <button class="menu" type="button" aria-expanded=${isMenuOpen} aria-controls="pages"
        onClick=${() => setMenuOpen(!isMenuOpen)}>${t("menu")}</button>
    </header>
    <div class=${pages.length > 1 ? "frame" : "frame single"}>
      ${pages.length > 1 && html`<${Navigation} pages=${pages} here=${found?.page} isOpen=${isMenuOpen} />`}
      <main id="content" tabindex="-1">
        ${found
          ? html`<${Page} key=${found.page.path} page=${found.page} variables=${found.variables} brand=${brand} />`
          : html`<h1>${t("noPage")}</h1><p><a href="#/">${t("start")}</a></p>`}
      </main>
    </div>
    <${Keys} pages=${pages} more=${keys} />
  `;
}

function opened(pages, address) {
  for (const page of pages) {
    const variables = match(page.path, address);
    if (variables) return { page, variables };
  }
  return null;
}

function skipToContent(event) {
  event.preventDefault();
  document.getElementById("content").focus();
}

function Choice({ label, value, options, choose }) {
  return html`<select class="choice" aria-label=${label} value=${value} onChange=${(event) => choose(event.target.value)}>
    ${options.map(([name, text]) => html`<option value=${name} selected=${name === value}>${text}</option>`)}
  </select>`;
}

function Navigation({ pages, here, isOpen }) {
  const listed = pages.filter((page) => page.key);
  const groups = [...new Set(listed.map((page) => page.group))];
  return html`<nav id="pages" class=${isOpen ? "pages open" : "pages"} aria-label=${t("pages")}>
    ${groups.map((group) => html`
      <div class="group">
        ${group && html`<p class="group-name">${group()}</p>`}
        <ul>
          ${listed.filter((page) => page.group === group).map((page) => html`
            <li><a href=${`#${page.path}`} aria-current=${isHere(page, here)}>
              ${page.name()}${page.badge && html` <${Badge} count=${page.badge} />`}
            </a></li>`)}
        </ul>
      </div>`)}
  </nav>`;
}

/** A page below another one, such as that of one order, is at the place of the list above it. */
function isHere(page, here) {
  if (page === here) return "page";
  return page.path !== "/" && here?.path.startsWith(`${page.path}/`) ? "true" : undefined;
}

/** How many things of a page wait for a person. `count` is a signal of a text; empty or "0" shows nothing. */
const Badge = ({ count }) => (count.value && count.value !== "0" ? html`<span class="badge">${count.value}</span>` : null);

function Page({ page, variables, brand }) {
  const [state, setState] = useState({ View: undefined, problem: undefined });
  const load = () => {
    setState({ View: undefined, problem: undefined });
    page.load().then(
      (module) => setState({ View: module.default, problem: undefined }),
      (problem) => setState({ View: undefined, problem }),
    );
  };
  useEffect(load, []);
  useEffect(() => {
    document.title = `${page.name(variables)} · ${brand()}`;
  }, [language.value, route.value]);
  if (state.problem) return html`<${Failed} problem=${state.problem} again=${load} />`;
  if (!state.View) return html`<${Loading} />`;
  return html`<${state.View} ...${variables} />`;
}

const isTyping = (target) => target.closest?.("input, select, textarea, [contenteditable]");

function Keys({ pages, more }) {
  const dialog = useRef(null);
  const going = useRef(false);
  const listed = pages.filter((page) => page.key);
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const target = going.current && listed.find((page) => page.key === event.key);
      going.current = event.key === "g";
      const own = more.find((one) => one.key === event.key);
      if (target) open(`#${target.path}`);
      else if (own) own.press();
      else if (event.key === "?") dialog.current.showModal();
      else if (event.key === "/") document.querySelector("main input[type=search]")?.focus();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [pages, more]);
  return html`
    <footer class="foot"><button type="button" class="quiet" onClick=${() => dialog.current.showModal()}>
      ${t("keys")} <kbd>?</kbd></button></footer>
    <dialog ref=${dialog} aria-label=${t("keysTitle")}>
      <article>
        <h2>${t("keysTitle")}</h2>
        <dl class="keys">
          <div><dt><kbd>/</kbd></dt><dd>${t("keySearch")}</dd></div>
          <div><dt><kbd>?</kbd></dt><dd>${t("keyHelp")}</dd></div>
          ${more.map((one) => html`<div><dt><kbd>${one.key}</kbd></dt><dd>${one.text()}</dd></div>`)}
          ${pages.length > 1 && listed.map((page) => html`<div><dt><kbd>g</kbd> <kbd>${page.key}</kbd></dt>
            <dd>${t("keyGo", { page: page.name() })}</dd></div>`)}
        </dl>
        <form method="dialog"><button>${t("close")}</button></form>
      </article>
    </dialog>`;
}
