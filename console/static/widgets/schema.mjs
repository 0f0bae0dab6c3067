// Reading a JSON schema of the node for a form: what a field is, and what an empty one of it looks like.

/** A schema with its reference replaced by what it refers to; a description beside the reference stays. */
export function resolved(schema, root) {
  if (!schema?.$ref) return schema ?? {};
  const { $ref, ...beside } = schema;
  const target = $ref.split("/").slice(1).reduce((found, name) => found?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], root);
  return { ...resolved(target, root), ...beside };
}

/** What a field is: constant, choice, text, whole, number, truth, list, object, map, union or any. `schema` is resolved. */
export function sortOf(schema) {
  if (schema.enum) return schema.enum.length === 1 ? "constant" : "choice";
  if (schema.anyOf || schema.oneOf) return "union";
  if (schema.type === "object") return schema.properties ? "object" : "map";
  return { string: "text", integer: "whole", number: "number", boolean: "truth", array: "list" }[schema.type] ?? "any";
}

/** The variants of a union, resolved. Whole numbers are left out beside numbers, because a number field takes them. */
export function variantsOf(schema, root) {
  const all = (schema.anyOf ?? schema.oneOf).map((one) => resolved(one, root)).filter((one) => one.type !== "null");
  return all.some((one) => one.type === "number") ? all.filter((one) => one.type !== "integer") : all;
}

/** Which of the variants a value is; 0 if it is none of them. */
export function variantOf(value, variants) {
  const found = variants.findIndex((one) => isOf(value, one));
  return found < 0 ? 0 : found;
}

function isOf(value, variant) {
  switch (sortOf(variant)) {
    case "text": case "choice": return typeof value === "string";
    case "whole": case "number": return typeof value === "number";
    case "truth": return typeof value === "boolean";
    case "list": return Array.isArray(value);
    case "object": return isObject(value) && hasConstants(value, variant) && (variant.required ?? []).every((name) => name in value);
    case "map": return isObject(value);
    default: return false;
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const hasConstants = (value, variant) =>
  Object.entries(variant.properties).every(([name, one]) => one.enum?.length !== 1 || value[name] === one.enum[0]);

/** An empty value of a field. A number is undefined: it is not known yet. */
export function blank(schema, root) {
  const known = resolved(schema, root);
  switch (sortOf(known)) {
    case "constant": case "choice": return known.default ?? known.enum[0];
    case "text": return "";
    case "truth": return known.default ?? false;
    case "list": return [];
    case "map": return {};
    case "object": return blankObject(known, root);
    case "union": return blank(variantsOf(known, root)[0], root);
    default: return undefined;
  }
}

function blankObject(schema, root) {
  const required = schema.required ?? [];
  return Object.fromEntries(required.map((name) => [name, blank(schema.properties[name], root)]).filter(([, value]) => value !== undefined));
}

/** The path of a part as the node names it in refusals: `recipe.cola`, `barcodes[0]`. */
export const partOf = (path, name) => (typeof name === "number" ? `${path}[${name}]` : path ? `${path}.${name}` : name);
