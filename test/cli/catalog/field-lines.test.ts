import { describe, expect, test } from 'vitest'
import { valueLines } from '../../../cli/catalog/field-lines.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import type { JsonObject } from '../../../protocol/index.ts'

function linesOf(properties: JsonObject): readonly string[] {
  return valueLines({ type: 'object', properties }).trimEnd().split('\n')
}

describe('a field with several forms', () => {
  const list = { type: 'array', items: { type: 'string' } }

  test('has each field of its forms once', () => {
    const event = {
      type: 'object',
      properties: { kind: { type: 'string' }, entities: list },
      required: ['kind', 'entities'],
    }
    const plain = { type: 'object', properties: { entities: list }, required: ['entities'] }
    expect(linesOf({ metadata: { anyOf: [event, plain, { type: 'null' }] } })).toEqual([
      '  metadata    object or null',
      '    kind      string           required in some forms',
      '    entities  array of string  required',
    ])
  })

  test('has the types, choices and fields of all of them', () => {
    const form = (kind: string, value: JsonObject): JsonObject => ({
      type: 'object',
      properties: { kind: { const: kind }, value },
      required: ['kind'],
    })
    const object = { type: 'object', properties: { id: { type: 'integer' } } }
    const text = { type: 'string', description: 'Its name.' }
    expect(linesOf({ to: { oneOf: [form('a', text), form('b', object)] } })).toEqual([
      '  to       object',
      '    kind   string            required  One of: a, b.',
      '    value  string or object            Its name.',
      '      id   integer',
    ])
  })

  test.each(['github', 'linear', 'slack', 'stripe'])('of %s shows none twice', async (type) => {
    for (const { descriptor } of (await (await connectorOf(type)).actions?.load()) ?? []) {
      const paths = pathsIn(
        `${valueLines(descriptor.input)}output\n${valueLines(descriptor.output)}`,
      )
      expect(paths.filter((path, index) => paths.indexOf(path) !== index)).toEqual([])
    }
  })
})

/** The names of fields with those that they are in, by their indents. */
function pathsIn(text: string): readonly string[] {
  const open: { readonly indent: number; readonly path: string }[] = []
  return text.split('\n').flatMap((line) => {
    const [, space = '', name] = /^( *)(\S+)/.exec(line) ?? []
    if (name === undefined) return []
    while ((open.at(-1)?.indent ?? -1) >= space.length) open.pop()
    const path = `${open.at(-1)?.path ?? ''}/${name}`
    open.push({ indent: space.length, path })
    return [path]
  })
}

test('the limits of numbers and lists are shown, and not those that nobody chose', () => {
  const { MAX_SAFE_INTEGER: most } = Number
  const lines = linesOf({
    per_page: { type: 'integer', minimum: 1, maximum: 100, description: 'Default: 30.' },
    page: { type: 'integer', minimum: 1, maximum: most },
    offset: { type: 'integer', minimum: -most, maximum: most },
    share: { type: 'number', exclusiveMinimum: 0, maximum: 100 },
    count: { anyOf: [{ type: 'integer', maximum: 5 }, { type: 'null' }] },
    labels: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 10 },
    keys: { type: 'array', items: { type: 'string' }, minItems: 1 },
  })
  expect(
    lines.map((line) =>
      line
        .trim()
        .split(/ {2,}/)
        .filter((cell) => cell !== ''),
    ),
  ).toEqual([
    ['per_page', 'integer', 'Default: 30. 1 to 100.'],
    ['page', 'integer', 'At least 1.'],
    ['offset', 'integer'],
    ['share', 'number', 'At most 100. More than 0.'],
    ['count', 'integer or null', 'At most 5.'],
    ['labels', 'array of string', '1 to 10 items.'],
    ['keys', 'array of string', 'At least 1 item.'],
  ])
})
