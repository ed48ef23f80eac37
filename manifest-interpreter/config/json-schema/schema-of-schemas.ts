import type { Value } from '../../value/value.ts'

const schema = { $ref: '#' }
const schemas = { type: 'object', additionalProperties: schema }
const schemaList = { type: 'array', minItems: 1, items: schema }
const names = { type: 'array', items: { type: 'string' }, uniqueItems: true }
const size = { type: 'integer', minimum: 0 }
const number = { type: 'number' }
const text = { type: 'string' }
const flag = { type: 'boolean' }
const typeNames = {
  enum: ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'],
}

/**
 * The rules for a JSON schema that all drafts since 6 share: keywords that only some drafts have are left
 * out.
 */
export const schemaOfSchemas: Value = {
  type: ['object', 'boolean'],
  properties: {
    $id: text,
    $schema: text,
    $ref: text,
    $comment: text,
    title: text,
    description: text,
    multipleOf: { type: 'number', exclusiveMinimum: 0 },
    maximum: number,
    exclusiveMaximum: number,
    minimum: number,
    exclusiveMinimum: number,
    maxLength: size,
    minLength: size,
    pattern: text,
    maxItems: size,
    minItems: size,
    uniqueItems: flag,
    contains: schema,
    maxProperties: size,
    minProperties: size,
    required: names,
    properties: schemas,
    patternProperties: schemas,
    additionalProperties: schema,
    definitions: schemas,
    propertyNames: schema,
    enum: { type: 'array' },
    type: {
      anyOf: [typeNames, { type: 'array', items: typeNames, minItems: 1, uniqueItems: true }],
    },
    format: text,
    if: schema,
    then: schema,
    else: schema,
    allOf: schemaList,
    anyOf: schemaList,
    oneOf: schemaList,
    not: schema,
    items: { anyOf: [schema, { type: 'array', items: schema }] },
  },
}
