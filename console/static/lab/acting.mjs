// What a person does in the lab: one call for all acts, one key for each intention.

import { html } from "../shell/view.mjs";
import { Failed } from "../widgets/states.mjs";
import { useWriting } from "../widgets/fields.mjs";
import { newKey } from "../shell/keys.mjs";
import { write } from "../shell/api.mjs";
import { isLive } from "../shell/live.mjs";
import { may } from "../shell/session.mjs";
import { isBroken, linesOf, view } from "./watching.mjs";

const ACTS = "/v1/lab/acts";

/** The acts of one part of the page: `{act(body), writing}`. */
export function useActs() {
  const writing = useWriting();
  return { act: (body) => writing.send("POST", ACTS, body), writing };
}

/** What went wrong with the last act of a part. */
export const Problem = ({ writing }) =>
  (writing.problem || writing.isUnreached) && html`<${Failed} problem=${writing.problem} />`;

/** Whether a person can act: the demo runs, and its stores are open. */
export const canAct = () => isLive.value && view.value?.phase === "open";

/** A button that acts. `tone`: how it looks; `label`: its whole name, if the text is short. */
export function Act({ acts, body, children, tone = "secondary outline", label }) {
  if (!may("drive")) return null;
  return html`<button type="button" class=${`act ${tone}`} aria-label=${label} title=${label}
    disabled=${acts.writing.isSending || !canAct()} onClick=${() => acts.act(body)}>${children}</button>`;
}

const send = (body) => view.value && may("drive") && write("POST", ACTS, body, newKey()).catch(() => {});

/** What the keys of the keyboard do. */
export const press = {
  story: () => send({ do: "play", on: view.value?.story?.state !== "playing" }),
  heal: () => send({ do: "heal-all" }),
  shoppers: () => send({ do: "shop", on: !view.value?.shoppers }),
  outages: () => send({ do: "outages", on: !view.value?.outages }),
  store(number) {
    const store = view.value?.nodes.filter((node) => !node.is_hub)[number - 1]?.name;
    if (store) send({ do: isBroken(linesOf(view.value, store)) ? "heal-store" : "cut-store", store });
  },
};
