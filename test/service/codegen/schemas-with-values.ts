import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../../protocol/index.ts'
import { anyText } from '../../support/any-text.ts'

/** JSON, and integers of any size. */
export type SampleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly SampleValue[]
  | { readonly [name: string]: SampleValue }

/** A schema, and values that it allows. */
export interface SchemaWithValues {
  readonly schema: JsonValue
  /** At least one. */
  readonly values: readonly SampleValue[]
}

/** Names that sources have, and names that nobody should. */
export const anyName: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', 'Z', '_', '9'), minLength: 1, maxLength: 6 }),
  anyText({ maxLength: 8 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '*/', '`', '${x}', "'", '\\', '\u2028'),
  fc.constantFrom('class', 'type', 'Streams', 'ConnectError', '1st', '', '@ts-ignore', '$ref'),
)

/** TypeScript holds that an object without such a property has it, from its prototype. */
const fieldName = anyName.filter((name) => name === '__proto__' || !(name in {}))

const text = anyText({ maxLength: 12 })
const integer = fc.oneof(
  fc.integer(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }).map((value) => -value),
)
const decimal = fc.double({ noNaN: true, noDefaultInfinity: true })
const json: fc.Arbitrary<JsonValue> = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => value as JsonValue)

const plain: fc.Arbitrary<SchemaWithValues> = fc.oneof(
  leaf(fc.constant({ type: 'string' }), text),
  leaf(
    fc
      .constantFrom('date-time', 'date', 'time', 'uuid', 'anything')
      .map((format) => ({ type: 'string', format })),
    text,
  ),
  leaf(fc.constant({ type: 'integer' }), integer),
  leaf(
    fc.constant({ type: 'integer', minimum: -10, maximum: 10 }),
    fc.integer({ min: -10, max: 10 }),
  ),
  leaf(fc.constant({ type: 'number' }), fc.oneof(decimal, integer)),
  leaf(fc.constant({ type: 'number', airbyte_type: 'double' }), decimal),
  leaf(fc.constant({ type: 'boolean' }), fc.boolean()),
  leaf(fc.constant({ type: 'null' }), fc.constant(null)),
  leaf(fc.constantFrom<JsonValue>({}, true, { description: 'anything' }), json),
  fc
    .uniqueArray(fc.oneof(text, fc.integer(), fc.boolean(), json), { minLength: 1, maxLength: 4 })
    .map((values) => ({ schema: { enum: values }, values })),
  json.map((value) => ({ schema: { const: value }, values: [value] })),
  fc.constantFrom<SchemaWithValues>(
    {
      schema: { $ref: '#/definitions/tree' },
      values: [{ name: 'a', children: [{ name: 'b', children: [] }] }],
    },
    {
      schema: { $ref: '#/definitions/list' },
      values: [null, { head: 1n, tail: { head: 2, tail: null } }],
    },
    { schema: { $ref: '#/definitions/pair~1of%20things' }, values: [[], ['a'], ['a', [['b']]]] },
  ),
)

/** The definitions that `plain` refers to: recursive, each in another way. */
export const definitions: JsonObject = {
  tree: {
    type: 'object',
    required: ['name', 'children'],
    properties: {
      name: { type: 'string' },
      children: { type: 'array', items: { $ref: '#/definitions/tree' } },
    },
  },
  list: {
    anyOf: [
      { type: 'null' },
      {
        type: 'object',
        properties: { head: { type: 'integer' }, tail: { $ref: '#/definitions/list' } },
      },
    ],
  },
  'pair/of things': {
    type: 'array',
    prefixItems: [
      { type: 'string' },
      { type: 'array', items: { $ref: '#/definitions/pair~1of things' } },
    ],
    items: false,
  },
}

function leaf(
  schema: fc.Arbitrary<JsonValue>,
  value: fc.Arbitrary<SampleValue>,
): fc.Arbitrary<SchemaWithValues> {
  return fc.record({ schema, values: fc.array(value, { minLength: 1, maxLength: 3 }) })
}

/** Random schemas of all that they may be made of. */
export const anySchema: fc.Arbitrary<SchemaWithValues> = fc.letrec<{ any: SchemaWithValues }>(
  (tie) => {
    const some = fc.array(tie('any'), { minLength: 1, maxLength: 3 })
    const fields = fc.uniqueArray(
      fc.record({ name: fieldName, isRequired: fc.boolean(), type: tie('any') }),
      {
        selector: ({ name }) => name,
        maxLength: 4,
      },
    )
    return {
      any: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        plain,
        fields.map(objectOf),
        fc
          .tuple(
            fields,
            tie('any').filter(({ schema }) => !isOpen(schema)),
          )
          .map(([own, others]) => withOthers(own, others)),
        tie('any').map(({ schema, values }) => ({
          schema: { type: 'array', items: schema },
          values: [[], values, [...values, ...values]],
        })),
        fc
          .tuple(some, fc.nat({ max: 3 }), fc.boolean())
          .map(([parts, least, isLong]) => tupleOf(parts, { least, isLong })),
        fc.tuple(some, fc.constantFrom('oneOf', 'anyOf')).map(([parts, keyword]) => ({
          schema: { [keyword]: parts.map(({ schema }) => schema) },
          values: parts.flatMap(({ values }) => values),
        })),
        fc.tuple(fields, fields).map(([left, right]) => bothOf(left, right)),
        leaf(
          fc.constant({ type: ['null', 'string', 'integer', 'boolean'] }),
          fc.oneof(fc.constant(null), text, integer, fc.boolean()),
        ),
      ),
    }
  },
).any

interface Field {
  readonly name: string
  readonly isRequired: boolean
  readonly type: SchemaWithValues
}

interface ObjectWithValues extends SchemaWithValues {
  readonly schema: JsonObject
}

function objectOf(fields: readonly Field[]): ObjectWithValues {
  const required = fields.filter(({ isRequired }) => isRequired)
  return {
    schema: {
      type: 'object',
      properties: ownProperties(fields.map(({ name, type }) => [name, type.schema])),
      required: required.map(({ name }) => name),
    },
    values: [
      ownProperties(required.map(({ name, type }) => [name, type.values[0] ?? null])),
      ownProperties(fields.map(({ name, type }) => [name, type.values.at(-1) ?? null])),
    ],
  }
}

function withOthers(fields: readonly Field[], others: SchemaWithValues): SchemaWithValues {
  const { schema } = objectOf(fields)
  const more = others.values.map((value, index) => ({
    name: `other ${String(index)}`,
    isRequired: true,
    type: { schema: others.schema, values: [value] },
  }))
  return {
    schema: { ...schema, additionalProperties: others.schema },
    values: [...objectOf(fields).values, ...objectOf([...fields, ...more]).values],
  }
}

function bothOf(left: readonly Field[], right: readonly Field[]): SchemaWithValues {
  const names = new Set(left.map(({ name }) => name))
  const rest = right.filter(({ name }) => !names.has(name))
  return {
    schema: { allOf: [objectOf(left).schema, objectOf(rest).schema] },
    values: objectOf([...left, ...rest]).values,
  }
}

function tupleOf(
  parts: readonly SchemaWithValues[],
  { least, isLong }: { readonly least: number; readonly isLong: boolean },
): SchemaWithValues {
  const whole = parts.map(({ values }) => values[0] ?? null)
  const schemas = parts.map(({ schema }) => schema)
  return {
    schema: {
      type: 'array',
      items: schemas,
      minItems: least,
      ...(!isLong && { additionalItems: false }),
    },
    values: [
      ...(least <= whole.length ? [whole, whole.slice(0, least)] : []),
      ...(isLong ? [[...whole, null, 'more', 1]] : [whole]),
    ],
  }
}

/** Allows anything: then a type does not speak of other properties, so that it finds a misspelt one. */
function isOpen(schema: JsonValue): boolean {
  if (typeof schema !== 'object' || schema === null || isList(schema)) return schema === true
  const { type, enum: values, const: value, $ref, oneOf, anyOf, allOf } = schema
  const options = oneOf ?? anyOf
  if (isList(options)) return options.some(isOpen)
  return [type, values, value, $ref, allOf].every((part) => part === undefined)
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** `__proto__` is a name like any other. */
function ownProperties<Value>(
  entries: readonly (readonly [string, Value])[],
): Record<string, Value> {
  return Object.fromEntries(entries)
}
