// The events of orders by name, as they stand on arrows and buttons. What happened is in `orders.mjs`.

import { words } from "../shell/language.mjs";

const t = words({
  hold: ["hold", "预占"],
  reserve: ["reserve", "付款预占"],
  pay: ["pay", "付款"],
  adjust: ["change", "调整"],
  exchange: ["exchange", "换货"],
  pick: ["pick", "拣货"],
  ship: ["ship", "发货"],
  deliver: ["deliver", "送达"],
  collect: ["collect", "自提"],
  decline: ["decline", "拒单"],
  cancel: ["cancel", "取消"],
  return: ["return", "退货"],
  expire: ["expire", "过期"],
});

const KNOWN = ["hold", "reserve", "pay", "adjust", "exchange", "pick", "ship", "deliver", "collect", "decline", "cancel", "return", "expire"];

/** The name of an event; one that only the chain's own machine has as it is. */
export const eventName = (event) => (KNOWN.includes(event) ? t(event) : event);
