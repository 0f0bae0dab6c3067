// The kinds of documents that the chain shares.

import { html } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { useReading } from "../shell/reading.mjs";
import { to } from "../shell/route.mjs";
import { Read } from "../widgets/states.mjs";
import { kindAbout, KINDS, kindText, ONLY_KEY } from "./kind_words.mjs";

const t = words({
  title: ["Documents", "主数据"],
  about: ["What all nodes share and know, also without a connection. The last write of a document counts.", "所有节点共享的数据，断线时同样可用。每份以最后一次写入为准。"],
});

export default function KindsPage() {
  const reading = useReading("/v1/documents");
  const address = (kind) => (ONLY_KEY[kind] ? to`/documents/${kind}/${ONLY_KEY[kind]}` : to`/documents/${kind}`);
  return html`<h1>${t("title")}</h1>
    <p class="small">${t("about")}</p>
    <${Read} reading=${reading}>${(answer) => html`<div class="cards">${inOrder(answer.kinds).map((kind) => html`<section class="card" key=${kind}>
      <h2><a href=${address(kind)}>${kindText(kind)}</a></h2><p class="small">${kindAbout(kind)}</p>
    </section>`)}</div>`}<//>`;
}

/** The kinds of the node: first those that have words, in their order. */
function inOrder(kinds) {
  const names = kinds.map((one) => one.kind);
  return [...KINDS.filter((kind) => names.includes(kind)), ...names.filter((name) => !KINDS.includes(name))];
}
