// Fields, and forms that write: one intention each, with the refusal of the node beside the field it names.

import { html, signal, useId, useRef } from "../shell/view.mjs";
import { Intent, Problem } from "../shell/api.mjs";
import { words } from "../shell/language.mjs";
import { Failed } from "./states.mjs";

const t = words({ sending: ["Sending …", "发送中……"] });

/** A labelled field. `children` is a function of the attributes that tie the control to its label and its hint. */
export function Field({ label, hint, problem, children }) {
  const id = useId();
  const note = problem ?? hint;
  const attributes = { id, "aria-describedby": note ? `${id}-note` : undefined, "aria-invalid": problem ? "true" : undefined };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children(attributes)}
    ${note && html`<small id=${`${id}-note`}>${note}</small>`}
  </div>`;
}

/** A field for text. `set` gets the text. */
export const TextField = ({ label, hint, problem, value, set, ...more }) => html`
  <${Field} label=${label} hint=${hint} problem=${problem}>
    ${(attributes) => html`<input ...${attributes} ...${more} value=${value} onInput=${(event) => set(event.target.value)} />`}
  <//>`;

/** A field for a whole quantity. `set` gets a number, or null while the text is none. */
export const QuantityField = ({ value, set, min = 1, ...more }) => html`
  <${TextField} ...${more} type="number" inputmode="numeric" step="1" min=${min} value=${value ?? ""}
    set=${(text) => set(/^-?\d+$/.test(text) ? Number(text) : null)} />`;

/** A field for one of some values: `options` are `[value, text]`. */
export const ChoiceField = ({ label, hint, problem, value, set, options }) => html`
  <${Field} label=${label} hint=${hint} problem=${problem}>
    ${(attributes) => html`<select ...${attributes} value=${value} onChange=${(event) => set(event.target.value)}>
      ${options.map(([name, text]) => html`<option value=${name} selected=${name === value}>${text}</option>`)}
    </select>`}
  <//>`;

const IDLE = { isSending: false, problem: undefined, isUnreached: false };

const shared = new Map();

function writingOf(name) {
  const intent = new Intent(name);
  const made = { intent, state: signal({ ...IDLE, isUnreached: intent.isOpen }) };
  if (name) shared.set(name, made);
  return made;
}

/**
 * The state of one thing that the user writes: `{send, isSending, problem, isUnreached, clear}`.
 *
 * `send(method, url, body)` returns the answer, or undefined if it failed. After a lost answer, sending the same again is
 * a retry with the same key. With a `name` the state outlives the page, and the key also a reload. `clear` forgets the
 * failure, and with it the key.
 */
export function useWriting(name = "") {
  const own = useRef(null);
  own.current ??= shared.get(name) ?? writingOf(name);
  const { intent, state } = own.current;
  const clear = () => {
    intent.giveUp();
    state.value = IDLE;
  };
  const send = async (method, url, body) => {
    state.value = { ...IDLE, isSending: true };
    try {
      const answer = await intent.send(method, url, body);
      state.value = IDLE;
      return answer;
    } catch (error) {
      const problem = error instanceof Problem ? error : undefined;
      state.value = { isSending: false, problem, isUnreached: problem === undefined };
      return undefined;
    }
  };
  return { ...state.value, send, clear };
}

/** A form that writes with one button. `submit` runs when the user presses it. */
export function WritingForm({ writing, submit, button, isReady = true, children }) {
  const press = (event) => {
    event.preventDefault();
    if (isReady && !writing.isSending) submit();
  };
  return html`<form onSubmit=${press} novalidate>
    ${children}
    ${(writing.problem || writing.isUnreached) && html`<${Failed} problem=${writing.problem} />`}
    <button type="submit" disabled=${!isReady || writing.isSending} aria-busy=${writing.isSending}>
      ${writing.isSending ? t("sending") : button}
    </button>
  </form>`;
}
