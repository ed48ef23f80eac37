import { expect, test } from 'vitest'
import { schemaToDeclare } from '../../../cli/source/schema-to-declare.ts'
import { editedManifest } from '../../../cli/source/write-schema.ts'
import type { JsonObject } from '../../../protocol/index.ts'

const schema = {
  type: 'object',
  properties: { id: { type: 'integer' }, 'e-mail': { type: ['string', 'null'] }, no: {} },
} satisfies JsonObject
/** The same as text, as deep as it stands. */
const properties = (indent: string) =>
  ['type: object', 'properties:', '  id: { type: integer }', '  e-mail: { type: [string, "null"] }']
    .concat('  "no": {}')
    .map((line) => `${indent}${line}\n`)
    .join('')

const head = `# A shop.
version: 7.0.0   # of the CDK
streams:
`
const orders = (loader: string) => `  - name: orders   # the largest
    primary_key:
    - id

    # How it is read.
    retriever: { type: SimpleRetriever }
${loader}`
const rest = `
  # The other one.
  - name: refunds
    schema_loader: { $ref: '#/definitions/other' }
definitions:
  other: { type: InlineSchemaLoader, schema: { type: object } }
`

function edited(text: string, force = false): string {
  const result = editedManifest(text, { stream: 'orders', schema, force })
  return 'reason' in result ? result.reason : result.text
}

test('a stream without a schema gets one at its end, and no other line changes', () => {
  const text = head + orders('') + rest
  const loader = `    schema_loader:
      type: InlineSchemaLoader
      schema:
${properties('        ')}`
  expect(edited(text)).toBe(head + orders(loader) + rest)
  // With the line breaks that the file has, and at the end of a file without one.
  expect(edited(text.replaceAll('\n', '\r\n'))).toBe(
    (head + orders(loader) + rest).replaceAll('\n', '\r\n'),
  )
  expect(edited((head + orders('')).trimEnd())).toBe((head + orders(loader)).trimEnd())
})

test('a schema without properties is replaced, wherever the text has it', () => {
  const inline = orders(
    '    schema_loader: { type: InlineSchemaLoader, schema: { type: object } }\n',
  )
  expect(edited(head + inline + rest)).toContain(`    schema_loader:
      type: InlineSchemaLoader
      schema:
${properties('        ')}
  # The other one.`)
  const referred = `    schema_loader:
      type: InlineSchemaLoader   # Builder
      schema: { $ref: '#/schemas/orders' }
`
  const schemas = (text: string) => `schemas:
  refunds: { type: object }
  orders:${text}
  # The end.
`
  const before = head + orders(referred) + rest + schemas(' {}\n')
  expect(edited(before)).toBe(head + orders(referred) + rest + schemas(`\n${properties('    ')}`))
  const block = (text: string) => `    schema_loader:
      schema:${text}
      type: InlineSchemaLoader # last
`
  expect(edited(head + orders(block('\n        type: object')) + rest)).toBe(
    head + orders(block(`\n${properties('        ').trimEnd()}`)) + rest,
  )
})

test('a declared schema is replaced with force only', () => {
  const declared = orders(`    schema_loader:
      type: InlineSchemaLoader
      schema:
        type: object
        properties:
          id: { type: string }

`)
  expect(edited(head + declared + rest)).toBe(
    'the stream declares a schema. Add --force to replace it',
  )
  expect(edited(head + declared + rest, true)).toContain(properties('        '))
})

test('a text in which something else could change is left as it is', () => {
  const loaderOf = (text: string) => head + orders(`    schema_loader: ${text}\n`) + rest
  const inBraces = `streams: [{ name: orders, retriever: { type: SimpleRetriever } }]\n`
  expect([
    edited(inBraces),
    edited(loaderOf("{ $ref: '#/definitions/other' }")),
    edited(loaderOf('{ type: JsonFileSchemaLoader }')),
    edited(loaderOf('{ type: InlineSchemaLoader, schema: *known }')),
    edited(`${head}${rest}`),
  ]).toEqual([
    'the stream is written in braces',
    'other parts of the manifest may share its schema',
    'its schema comes from JsonFileSchemaLoader',
    'other parts of the manifest may share its schema',
    'the text of the manifest has no stream "orders" of its own',
  ])
})

test('the schema has what was found and what was declared, and only a key is never null', () => {
  const declared = {
    additionalProperties: true,
    properties: { id: { type: 'string', description: 'Its id' }, old: { type: 'number' } },
  }
  const found = {
    properties: {
      id: { type: 'integer' },
      at: { type: 'string', format: 'date' },
      none: { type: 'null' },
      old: { type: 'null' },
      two: { type: ['null', 'object', 'string'] },
    },
  }
  expect(schemaToDeclare(declared, found, ['id'])).toEqual({
    schema: {
      additionalProperties: true,
      type: 'object',
      properties: {
        id: { type: 'integer', description: 'Its id' },
        old: { type: 'number' },
        at: { type: ['string', 'null'], format: 'date' },
        two: { type: ['object', 'string', 'null'] },
      },
    },
    untyped: ['none'],
  })
})
