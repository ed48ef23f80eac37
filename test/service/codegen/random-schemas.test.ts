import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLong } from '../../support/long.ts'
import { problemsOf } from './compile.ts'
import { action, generated, stream } from './sample-input.ts'
import { anyName, anySchema, definitions, type SampleValue } from './schemas-with-values.ts'

/** In one program: compiling is most of the work. */
const schemasOfOne = isLong ? 150 : 50
/** More with `npm run test:long -- codegen`. */
const rounds = Number(process.env.CODEGEN_ROUNDS ?? 1)

test('a client of random schemas compiles, and takes every value that the schema allows', () => {
  const schemas = fc.array(anySchema, { minLength: schemasOfOne, maxLength: schemasOfOne })
  const check = fc.property(schemas, (all) => {
    const streams = all.map(({ schema }, index) =>
      stream(`s${String(index)}`, {
        type: 'object',
        properties: { it: schema },
        required: ['it'],
        definitions,
      }),
    )
    const client = generated({ catalog: { streams } })
    const takes = all.flatMap(({ values }, index) =>
      values.map((value) => `take<Streams['s${String(index)}']>()({ it: ${literal(value)} })`),
    )
    const use = `import type { Streams } from './client.ts'
function take<Wanted>(): <Given extends Wanted>(value: Given) => Given {
  return (value) => value
}
${takes.join('\n')}`
    expect(problemsOf({ 'client.ts': client, 'use.ts': use })).toEqual([])
  })
  fc.assert(check, { numRuns: rounds, endOnFailure: true })
}, 600_000)

test('a client of streams, fields and actions with random names and descriptions compiles', () => {
  const described = fc.record({ name: anyName, description: anyName, format: anyName })
  const streams = fc.record({
    name: anyName,
    namespace: fc.option(anyName, { nil: undefined }),
    fields: fc.uniqueArray(described, { selector: ({ name }) => name, maxLength: 5 }),
  })
  const names = fc.uniqueArray(anyName, { maxLength: 40 })
  const check = fc.property(fc.array(streams, { maxLength: 60 }), names, (all, actions) => {
    const client = generated({
      catalog: {
        streams: all.map(({ name, namespace, fields }) => {
          const properties = Object.fromEntries(
            fields.map(({ name: field, ...more }) => [field, { type: 'string', ...more }]),
          )
          const references = Object.fromEntries(
            fields.map(({ name: field }) => [
              `to ${field}`,
              { $ref: `#/properties/${pointerPart(field)}` },
            ]),
          )
          const schema = {
            type: 'object',
            properties: { ...references, ...properties },
            description: name,
          }
          return stream(name, schema, namespace === undefined ? {} : { namespace })
        }),
      },
      actions: actions.map((name) => action(name, { title: name })),
    })
    expect(client.isWellFormed()).toBe(true)
    expect(problemsOf({ 'client.ts': client })).toEqual([])
  })
  fc.assert(check, { numRuns: 2 * rounds, endOnFailure: true })
}, 600_000)

function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** As a program would write it. */
function literal(value: SampleValue): string {
  if (typeof value === 'bigint') return `${value.toString()}n`
  if (typeof value === 'string') return textLiteral(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (isList(value)) return `[${value.map(literal).join(', ')}]`
  const entries = Object.entries(value).map(
    ([name, inner]) => `[${textLiteral(name)}]: ${literal(inner)}`,
  )
  return `{ ${entries.join(', ')} }`
}

function textLiteral(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function isList(value: object): value is readonly SampleValue[] {
  return Array.isArray(value)
}
