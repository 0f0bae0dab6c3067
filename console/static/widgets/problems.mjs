// Refusals of the node in the language of the user. The node writes English; what it says in detail stays beside it.

import { words } from "../shell/language.mjs";

const t = words({
  "invalid-request": ["A field has a value that is not possible.", "有一个字段的值无效。"],
  forbidden: ["You may not do this here.", "无权在此执行该操作。"],
  "not-found": ["This node does not know it.", "本节点没有该记录。"],
  "unknown-location": ["This node knows no such location.", "本节点没有该门店或仓库。"],
  "unknown-sku": ["The catalogue has no such goods.", "商品目录中没有该商品。"],
  "barcode-conflict": ["Several SKUs claim this barcode.", "多个商品使用同一条码。"],
  "insufficient-rights": ["There are not enough units that this store may promise.", "本店可承诺的数量不足。"],
  "not-owner": ["Another node decides about this order.", "该订单由其他节点处理。"],
  "order-exists": ["Another order has this name.", "已有同名订单。"],
  "order-ended": ["This order is over.", "该订单已结束。"],
  "invalid-transition": ["This is not possible any more in the state of the order.", "订单当前状态不允许此操作。"],
  unchanged: ["It has this value already.", "该值未变化。"],
  "idempotency-key-reused": [
    "The request changed after it was sent. Check what was recorded.",
    "请求在发送后被修改。请核对已记录的内容。",
  ],
  overtaken: ["The stock changed in this moment. Press again.", "库存刚刚发生变化。请再按一次。"],
  overloaded: ["Too much waits at the node. Press again.", "节点繁忙。请再按一次。"],
  stopping: ["The node is stopping. Press again when it runs.", "节点正在停止。恢复运行后请再按一次。"],
  "storage-full": ["The disk of the node is full. Nothing was recorded.", "节点磁盘已满，未记录任何内容。"],
  "too-large": ["This is too much at once. Divide it.", "内容过多。请分批提交。"],
  internal: ["The node failed. Press again.", "节点出错。请再按一次。"],
});

/** The title of a refusal in words of the user; that of the node for kinds that this page does not know. */
export const problemTitle = (problem) => t.of(problem.kind, problem.document.title);
