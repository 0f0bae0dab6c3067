// The table of transitions that is in force at this hub.

import { get } from "../shell/api.mjs";
import { useReading } from "../shell/reading.mjs";

const isMachine = (entry) => entry.kind === "document" && entry.facts.kind === "order_machine";

/** Read the table: `answer` is `{states, transitions}` with the names of the states. */
export const useOrderMachine = () => useReading("/v1/order_machine", { concerns: isMachine, read: readTable });

async function readTable(url, options) {
  const { states, transitions } = await get(url, options);
  return { states: states.map((one) => one.state), transitions };
}

/** The events that may happen to a fulfilment in a state. */
export const possibleEvents = (table, state) =>
  [...new Set(table.transitions.filter((row) => row.from.includes(state)).map((row) => row.event))];
