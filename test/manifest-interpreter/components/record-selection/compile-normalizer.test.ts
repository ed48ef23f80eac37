import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compileNormalizer,
  type Misfit,
} from '../../../../manifest-interpreter/components/record-selection/compile-normalizer.ts'
import { copyValue } from '../../../../manifest-interpreter/components/transformations/copy-value.ts'
import { dictOf, get, isDict } from '../../../../manifest-interpreter/value/dict.ts'
import { dumpJson } from '../../../../manifest-interpreter/value/json-dumps.ts'
import { parseJson } from '../../../../manifest-interpreter/value/json.ts'
import { PythonError } from '../../../../manifest-interpreter/value/python-error.ts'
import type { Dict, Value } from '../../../../manifest-interpreter/value/value.ts'

/**
 * A schema; then what the reference makes of a value under a property of it, or under `a` of a schema of its
 * own.
 */
const file = join(import.meta.dirname, 'reference-normalization.jsonl')
const [first, ...examples] = readFileSync(file, 'utf8').trim().split('\n').map(parseJson).map(dict)
const schema = dict(get(dict(first), 'schema'))

function dict(value: Value | undefined): Dict {
  if (value === undefined || !isDict(value)) throw new TypeError('expected an object')
  return value
}

function cast(schema: Dict, record: Dict, misfits: Misfit[] = []): Dict {
  compileNormalizer(schema, (misfit) => misfits.push(misfit))?.(record)
  return record
}

function outcome(example: Dict): string {
  const name = get(example, 'name') ?? 'a'
  const record = dictOf([[name, copyValue(get(example, 'value') ?? null)]])
  try {
    cast(dict(get(example, 'schema') ?? schema), record)
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
  it('are those of the reference', () => {
    for (const example of examples)
      expect([dumpJson(example), outcome(example)]).toEqual([dumpJson(example), expected(example)])
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
