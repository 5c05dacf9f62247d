/**
 * The attribute schema of an operation: which numbers it carries besides tensors. One schema gives the TypeScript
 * types, the checks, the binary encoding of plans and the generated C++ header.
 */

/** int and float: one number; ints: a list; bool; or an enumeration given by its words (encoded by position). */
export type AttrKind = 'int' | 'float' | 'bool' | 'ints' | readonly string[];

export type AttrSchema = Readonly<Record<string, AttrKind>>;

export type AttrValue<K extends AttrKind> = K extends 'int' | 'float'
  ? number
  : K extends 'bool'
    ? boolean
    : K extends 'ints'
      ? readonly number[]
      : K extends readonly string[]
        ? K[number]
        : never;

/** The attributes an operation with schema `S` carries. */
export type AttrsOf<S extends AttrSchema> = { readonly [P in keyof S]: AttrValue<S[P]> };

/** Any attribute value; what generic code (encoder, printer) sees. */
export type AnyAttr = number | boolean | string | readonly number[];
export type AnyAttrs = Readonly<Record<string, AnyAttr>>;

/** Says what is wrong with `attrs`, or undefined when they fit the schema. */
export function attrFault(schema: AttrSchema, attrs: AnyAttrs): string | undefined {
  for (const key of Object.keys(attrs)) if (!(key in schema)) return `unknown attribute "${key}"`;
  for (const [key, kind] of Object.entries(schema)) {
    const value = attrs[key];
    if (value === undefined) return `attribute "${key}" is missing`;
    if (!fits(kind, value)) return `attribute "${key}" must be ${kindText(kind)}, got ${String(value)}`;
  }
  return undefined;
}

function fits(kind: AttrKind, value: AnyAttr): boolean {
  if (typeof kind !== 'string') return typeof value === 'string' && kind.includes(value);
  switch (kind) {
    case 'int':
      return Number.isSafeInteger(value);
    case 'float':
      return typeof value === 'number' && !Number.isNaN(value);
    case 'bool':
      return typeof value === 'boolean';
    case 'ints':
      return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v));
    default:
      return kind satisfies never;
  }
}

function kindText(kind: AttrKind): string {
  return typeof kind === 'string' ? kind : `one of ${kind.join(', ')}`;
}
