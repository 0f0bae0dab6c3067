// The page of the lab: what this is, the whole chain, and what happens now.

import { html } from "../shell/view.mjs";
import { Loading } from "../widgets/states.mjs";
import { Cards, Chain } from "./chain.mjs";
import { Records } from "./records.mjs";
import { Story } from "./story.mjs";
import { Toolbar } from "./toolbar.mjs";
import { view } from "./watching.mjs";

export default function LabPage() {
  const now = view.value;
  if (!now) return html`<${Loading} />`;
  return html`<${Story} now=${now} />
    <div class="lab">
      <div class="lab-picture"><${Toolbar} now=${now} /><${Chain} now=${now} /></div>
      <${Records} records=${now.records} />
      <${Cards} now=${now} />
    </div>`;
}
