import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SourceError } from '../../../../manifest-interpreter/contracts.ts'
import { TemplateError } from '../../../../manifest-interpreter/interpolation/template-error.ts'
import { copyValue } from '../../../../manifest-interpreter/components/transformations/copy-value.ts'
import { DpathError } from '../../../../manifest-interpreter/components/transformations/dpath.ts'
import { airbyteSnakeCase } from '../../../../manifest-interpreter/components/transformations/keys-to-snake-case.ts'
import { isDict, isPlainDict } from '../../../../manifest-interpreter/value/dict.ts'
import { dumpJson } from '../../../../manifest-interpreter/value/json-dumps.ts'
import { parseJson } from '../../../../manifest-interpreter/value/json.ts'
import { PythonError } from '../../../../manifest-interpreter/value/python-error.ts'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import { answeredBuilder } from '../answered-builder.ts'
import type { Transformation } from '../../../../manifest-interpreter/contracts.ts'
import type { Dict, PlainDict, Value } from '../../../../manifest-interpreter/value/value.ts'

const file = join(import.meta.dirname, 'reference-transformations.jsonl')
/** The configuration, the record and names of keys; then what the reference makes of the record. */
const { reference, cases } = readLines()
const { builder } = answeredBuilder({ config: plain(reference.config) })
const slice = new StreamSlice({ partition: { part: 'P' }, cursorSlice: { start_time: '2025' } })

function readLines(): { readonly reference: PlainDict; readonly cases: readonly PlainDict[] } {
  const [reference, ...cases] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(parseJson)
    .map(plain)
  return { reference: plain(reference), cases }
}

function plain(value: Value | undefined): PlainDict {
  if (value === undefined || !isPlainDict(value)) throw new TypeError('expected an object')
  return value
}

function list(value: Value | undefined): readonly Value[] {
  if (!Array.isArray(value)) throw new TypeError('expected a list')
  return value
}

function build(definition: PlainDict): Transformation {
  return builder.build('transformation', definition, { streamName: 'users' })
}

function transform(definition: PlainDict, record: Dict): Dict {
  return build(definition).transform(record, { slice, nextPageToken: null })
}

function sortedJson(value: Value): string {
  return dumpJson(value, { sortKeys: true })
}

function isStructured(error: unknown): boolean {
  return [DpathError, PythonError, SourceError, TemplateError].some((type) => error instanceof type)
}

function outcome(definition: PlainDict): string {
  try {
    return sortedJson(transform(definition, plain(copyValue(reference.record ?? null))))
  } catch (error) {
    if (!isStructured(error)) throw error
    return 'error'
  }
}

describe('a transformation', () => {
  it.each(cases.map((example) => [dumpJson(example.transformation ?? null), example] as const))(
    'gives what the reference gives: %s',
    (_, { transformation, record, error }) => {
      const expected = error === undefined ? sortedJson(record ?? null) : 'error'
      expect(outcome(plain(transformation))).toBe(expected)
    },
  )

  it('gives a record or an error of its own for any record', () => {
    const definitions = cases.map((example) => plain(example.transformation))
    fc.assert(
      fc.property(
        fc.constantFrom(...definitions),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (definition, generated) => {
          const record = parseJson(JSON.stringify(generated))
          if (!isDict(record)) return
          try {
            expect(isDict(transform(definition, record))).toBe(true)
          } catch (error) {
            if (!isStructured(error)) throw error
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('reaches no object of the host by the names of fields', () => {
    const record = parseJson('{"a": {"b": 1}, "__proto__": {"x": 1}}')
    transform(
      { type: 'AddFields', fields: [{ path: ['constructor', 'prototype', 'x'], value: 'y' }] },
      plain(record),
    )
    transform(
      { type: 'AddFields', fields: [{ path: ['__proto__', 'polluted'], value: 'y' }] },
      plain(record),
    )
    transform({ type: 'RemoveFields', field_pointers: [['toString']] }, plain(record))
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    expect(dumpJson(record)).toBe(
      '{"a": {"b": 1}, "__proto__": {"x": 1, "polluted": "y"}, "constructor": {"prototype": {"x": "y"}}}',
    )
  })
})

describe('AddFields', () => {
  it('gives each record a value of its own', () => {
    const addTags = build({ type: 'AddFields', fields: [{ path: ['tags'], value: "['a']" }] })
    const first: Dict = {}
    const second: Dict = {}
    for (const record of [first, second])
      expect(addTags.transform(record, { slice, nextPageToken: null })).toBe(record)
    expect(first.tags).toEqual(['a'])
    expect(first.tags).not.toBe(second.tags)
  })

  it('keeps a list from growing without end', () => {
    const definition = { type: 'AddFields', fields: [{ path: ['items', '999999999'], value: 'x' }] }
    expect(() => transform(definition, { items: [] })).toThrow(PythonError)
  })
})

describe('KeysToSnakeCase', () => {
  it('names keys as the reference does', () => {
    for (const example of list(reference.airbyteSnakeCase)) {
      const [key, expected] = list(example)
      expect([key, typeof key === 'string' && airbyteSnakeCase(key)]).toEqual([key, expected])
    }
  })
})

describe('KeysToLower', () => {
  it('lets the key that was not in lower case win', () => {
    expect(transform({ type: 'KeysToLower' }, { dup: 1, DUP: 2 })).toEqual({ dup: 2 })
    expect(transform({ type: 'KeysToLower' }, { DUP: 2, dup: 1 })).toEqual({ dup: 2 })
  })
})
