// Promotions in words of the user: their name in the catalogue, and what they give.

import { html } from "../shell/view.mjs";
import { path } from "../shell/api.mjs";
import { named, number, words } from "../shell/language.mjs";
import { money } from "../shell/money.mjs";
import { useReading } from "../shell/reading.mjs";

const t = words({
  percentage: ["{percent} % off", "优惠 {percent}%"],
  amount_off: ["{amount} off", "立减 {amount}"],
  n_for_m: ["{take} for {pay}", "买 {take} 付 {pay}"],
  bundle: ["together for {amount}", "组合价 {amount}"],
  threshold: ["{taken} off from {minimum}", "满 {minimum} 减 {taken}"],
  chain: ["headquarters", "总部"],
  region: ["region {at}", "区域 {at}"],
  store: ["this store", "本店"],
});

/** Where a price or a promotion comes from, in words. */
export const sourceText = (source) => t(source.rank, { at: source.at ?? "" });

/** What a promotion gives, in words; what the node said if this version does not know the benefit. */
export function benefitText(benefit, otherwise) {
  switch (benefit?.type) {
    case "percentage":
      return t("percentage", { percent: number(benefit.percent) });
    case "amount_off":
      return t("amount_off", { amount: money(benefit.amount, benefit.currency) });
    case "n_for_m":
      return t("n_for_m", benefit);
    case "bundle":
      return t("bundle", { amount: money(benefit.amount, benefit.currency) });
    case "threshold": {
      const taken = benefit.amount ? money(benefit.amount, benefit.currency) : `${number(benefit.percent)}%`;
      return t("threshold", { taken, minimum: money(benefit.minimum, benefit.currency) });
    }
    default:
      return otherwise;
  }
}

/** A promotion by its name, what it gives, and who made it. `of`: an offer or a discount as the node answers it. */
export function PromotionText({ of }) {
  const { answer } = useReading(path`/v1/documents/promotion/${of.promotion}`);
  const benefit = benefitText(answer?.value.benefit, of.reason);
  const name = named(answer?.value.names, "");
  return html`<span class="promotion">${name || benefit}${name && !name.includes(benefit) && html` <small>${benefit}</small>`}
    <small>${sourceText(of.source)}</small></span>`;
}
