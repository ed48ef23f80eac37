import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compileNormalizer,
  type Misfit,
} from '../../../../manifest-interpreter/components/record-selection/compile-normalizer.ts'
import { copyValue } from '../../../../manifest-interpreter/components/transformations/copy-value.ts'
import { get, isDict } from '../../../../manifest-interpreter/value/dict.ts'
import { dumpJson } from '../../../../manifest-interpreter/value/json-dumps.ts'
import { parseJson } from '../../../../manifest-interpreter/value/json.ts'
import { PythonError } from '../../../../manifest-interpreter/value/python-error.ts'
import type { Dict, Value } from '../../../../manifest-interpreter/value/value.ts'

const file = join(import.meta.dirname, 'reference-normalization.json')
const reference = dict(parseJson(readFileSync(file)))
const schema = dict(get(reference, 'schema'))

function dict(value: Value | undefined): Dict {
  if (value === undefined || !isDict(value)) throw new TypeError('expected an object')
  return value
}

function cases(name: string): Dict[] {
  const list = get(reference, name)
  if (!Array.isArray(list)) throw new TypeError('expected a list')
  return list.map(dict)
}

function cast(schema: Dict, record: Dict, misfits: Misfit[] = []): Dict {
  compileNormalizer(schema, (misfit) => misfits.push(misfit))?.(record)
  return record
}

function outcome(schema: Dict, name: string, example: Dict): string {
  try {
    const record = cast(schema, { [name]: copyValue(get(example, 'value') ?? null) })
    return dumpJson(get(record, name) ?? null)
  } catch (error) {
    if (!(error instanceof PythonError)) throw error
    return 'error'
  }
}

function expected(example: Dict): string {
  const result = get(example, 'result')
  return result === undefined ? 'error' : dumpJson(result)
}

describe('the casts of schema_normalization', () => {
  it.each(cases('cast').map((example) => [String(get(example, 'name')), example] as const))(
    'are those of the reference for %s',
    (name, example) => {
      expect([dumpJson(example), outcome(schema, name, example)]).toEqual([
        dumpJson(example),
        expected(example),
      ])
    },
  )

  it('fail where the reference fails for a schema that is odd', () => {
    for (const example of cases('oddSchemas'))
      expect([dumpJson(example), outcome(dict(get(example, 'schema')), 'a', example)]).toEqual([
        dumpJson(example),
        expected(example),
      ])
  })

  it('keep what does not fit and say where it is, without the value', () => {
    const misfits: Misfit[] = []
    const record = cast(schema, { arr: ['1', 'secret'], obj: { i: 'x' } }, misfits)
    expect(record).toEqual({ arr: [1, 'secret'], obj: { i: 'x' } })
    expect(misfits).toEqual([
      { path: ['obj', 'i'], type: 'string', expected: 'integer' },
      { path: ['arr', '*'], type: 'string', expected: 'integer' },
    ])
  })

  it('do nothing for an empty schema', () => {
    expect(compileNormalizer({}, () => undefined)).toBeNull()
  })

  it('fail for a schema that is nothing but a reference to itself', () => {
    expect(() => cast({ $ref: '#' }, { a: 1 })).toThrow(PythonError)
  })

  it('give a record or an error of Python for any value', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('str', 'num', 'int', 'bool', 'obj', 'arr', 'ref'), fc.json()),
        (texts) => {
          const record: Dict = {}
          for (const [name, text] of Object.entries(texts))
            Object.assign(record, { [name]: parseJson(text) })
          try {
            expect(isDict(cast(schema, record))).toBe(true)
          } catch (error) {
            expect(error).toBeInstanceOf(PythonError)
          }
        },
      ),
    )
  })
})
