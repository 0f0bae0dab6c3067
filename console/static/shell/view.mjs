// What every page draws with: Preact, its hooks and signals, with templates instead of a build step.

import htm from "../third_party/htm.mjs";
import { h } from "../third_party/preact.mjs";

export const html = htm.bind(h);
export { Fragment, render } from "../third_party/preact.mjs";
export { useCallback, useEffect, useId, useMemo, useRef, useState } from "../third_party/preact-hooks.mjs";
export { batch, computed, effect, signal, useSignal } from "../third_party/signals.mjs";
