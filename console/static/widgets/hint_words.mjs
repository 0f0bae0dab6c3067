// What the schemas of documents say about their fields, in the language of the user.
//
// The node writes English, and the table has the Chinese of each of its texts. A text that the table lacks, such as one of
// a later version of the node, is shown as it is.

import { words } from "../shell/language.mjs";

const CHINESE = {
  "Whole units, at least 1.":
    "整数，至少 1。",
  "UN/ECE Rec 20 code.":
    "UN/ECE 第 20 号建议书单位代码。",
  "As scanned.":
    "与扫描结果一致。",
  "Such as standard or reduced.":
    "例如 standard（标准）或 reduced（优惠）。",
  "An ended SKU is sold while goods of it are there. A search does not show it.":
    "已停售的商品在售完前仍可销售，但搜索不再显示。",
  "When it dispatches goods. All of them hold together.":
    "发货时间。所列日历须同时满足。",
  "What is earned on goods that it sends.":
    "该地点发货商品的毛利。",
  "A postal address, from the country down.":
    "邮寄地址，从国家开始逐级填写。",
  "How a location sends goods.":
    "该地点如何发货。",
  "A time of day, by the clock of the location, at which goods leave. What is ready by then leaves with them.":
    "发货时刻（当地时间）。此刻前备妥的商品随之发出。",
  "Times of day on some days of each week, by the clock of the store.":
    "每周若干天的时段（门店当地时间）。",
  "At or before the start: on the next day.":
    "不晚于开始时间时，表示次日。",
  "On which the window begins.":
    "时段开始的星期。",
  "One day: closed, with other times of day, or like another day of the week. Exactly one of them.":
    "某一天：休息、使用其他时段，或按一周中的另一天。三者选一。",
  "What a shopper reads, by language.":
    "顾客看到的说明（按语言）。",
  "Times of day, by the clock of the store.":
    "时段（门店当地时间）。",
  "Days of a promotion, both included, on which other weekly windows are in force.":
    "促销日期（含首尾两天），期间使用另外的每周时段。",
  "A period in which nothing is dispatched, and why.":
    "停止发货的期间及原因。",
  "RFC 3339 with an offset.":
    "RFC 3339 时间，含时区偏移。",
  "The lower number comes first.":
    "数字小的优先。",
  "The addresses of a country, or of a division of it. In China, names may be short: 上海 is 上海市.":
    "某国家或其行政区的地址。中国地名可简写：上海即上海市。",
  "ISO 3166-1 alpha-2.":
    "ISO 3166-1 两位国家代码。",
  "The addresses of a division of China, by its GB/T 2260 code: 310000 is all of 上海市.":
    "按 GB/T 2260 代码指定的中国行政区：310000 即整个上海市。",
  "The addresses of a country whose postcode begins with `prefix`, or lies from `first` to `last`.":
    "某国家中邮编以前缀开头，或在起止范围内的地址。",
  "The addresses inside a polygon, by their position. Its last corner joins its first one.":
    "多边形范围内的地址。末点与首点相连。",
  "A corner of a polygon, in degrees.":
    "多边形的一个顶点，单位为度。",
  "The addresses at most `km` from a position, or from where the document of a location says that it is.":
    "距某坐标（或某地点主数据中的坐标）不超过所填公里数的地址。",
  "A location that serves an area.":
    "服务该区域的地点。",
  "Goods that are not delivered to an area, and why.":
    "不向该区域配送的商品及原因。",
  "Exactly one of the fields says which SKUs are meant. A SKU must have all the attributes.":
    "用其中一个字段指定商品。按属性指定时，商品须具备全部属性。",
  "Something sold; its recipe names the items.":
    "所售商品，其构成列出库存单元。",
  "How many working days after the day of dispatch goods arrive: at least `first` and at most `last`.":
    "发货后多少个工作日到达：起为最少，止为最多。",
  "Whole minor units of the currency, such as cents.":
    "货币最小单位的整数，例如分。",
  "ISO 4217 code.":
    "ISO 4217 货币代码。",
  "For how many units of the SKU the amount is. More than 1 for measured goods.":
    "该金额对应的商品数量。计量商品大于 1。",
  "In the order of time.":
    "按时间先后。",
  "From this moment on the price has another amount.":
    "自此刻起改用另一价格。",
  "Between which amounts regions and stores may set the price.":
    "区域与门店可定价的范围。",
  "Which SKUs; in a bundle, the components say so.":
    "适用的商品；套餐由组成决定。",
  "None named: each customer.":
    "不填写则适用于所有顾客。",
  "Units, groups or bundles per basket.":
    "每单的件数、组数或套数。",
  "Only in the chain's document: no region or store overrides it.":
    "仅用于全链：区域与门店不得覆盖。",
  "A percentage off the price of each unit.":
    "每件按百分比优惠。",
  "At most two decimals.":
    "最多两位小数。",
  "An amount off the price: of each unit, or of `per` units of measured goods.":
    "立减金额：按每件；计量商品按“对应数量”。",
  "Minor units of the currency, at least 1.":
    "货币最小单位，至少 1。",
  "Take some units and pay fewer: the cheapest of them are free. The units may be of several SKUs.":
    "多件少付：其中最便宜的免费，可跨商品。",
  "A fixed price for one unit of each component, or for some units of one component.":
    "各组成各一件（或同一组成若干件）的固定价格。",
  "Some units of the selected SKUs.":
    "所选商品若干件。",
  "If the selected goods cost at least `minimum` together: a percentage or an amount off their sum.":
    "所选商品合计达到起算金额时，按百分比或金额优惠。",
  "A template that this program brings, for all its prefixes or for a part of them.":
    "使用内置模板，适用于其全部或部分前缀。",
  "The name of a template.":
    "模板名称。",
  "Which codes of scales are read, and what their digits mean.":
    "识别哪些电子秤条码，以及各位数字的含义。",
  "The first of the prefixes.":
    "前缀范围的首个。",
  "The last of the prefixes.":
    "前缀范围的末个。",
  "A letter for each digit after the prefix: I item, P price, W weight, N pieces, X not read, K check digit of the value after it, C check digit of the code.":
    "前缀之后每位数字用一个字母表示：I 商品、P 价格、W 重量、N 件数、X 忽略、K 其后数值的校验位、C 整个条码的校验位。",
  "Whether a SKU may also register the item number, as a PLU.":
    "商品是否也可将该编号登记为 PLU。",
  "The units that tills will sell until rights can be moved back, forecast from their sales on past days.":
    "可承诺量收回前收银台将售出的数量，按以往销售预测。",
  "Enough units to cover the sales in this fraction of cases.":
    "在此比例的情况下足以满足销售。",
  "A row: an event leads from each of some states to one. Without states it begins a fulfilment.":
    "一行：某事件使若干状态转为一个状态。不填状态表示开始履约。",
  "Empty: it begins a fulfilment.":
    "留空表示开始履约。",
};

const t = words(Object.fromEntries(Object.entries(CHINESE).map(([english, chinese]) => [english, [english, chinese]])));

/** The first paragraph of a description in a schema; undefined without one. */
export function hintOf(schema) {
  const text = schema.description?.split(/\n\s*\n/)[0].replace(/\s+/g, " ");
  return text && t.of(text, text);
}
