import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { elementsAt } from '../../../../manifest-interpreter/components/decoders/elements-at.ts'
import {
  dottedPath,
  keyPath,
} from '../../../../manifest-interpreter/components/decoders/json-path.ts'
import { parseJson } from '../../../../manifest-interpreter/value/json.ts'
import { all, chunked, untilError } from '../body.ts'

const target = (path: string[]) => ({ path: keyPath(path), parse: parseJson })
const items = (path: string) => ({ path: dottedPath(path), parse: parseJson })

describe('the elements of an array at a path of keys', () => {
  test('are those of the parsed document, wherever the chunks end', async () => {
    const document = fc.record({
      elements: fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 8 }),
      beside: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
      indent: fc.constantFrom(undefined, 1),
    })
    await fc.assert(
      fc.asyncProperty(document, fc.integer({ min: 1, max: 40 }), async (parts, size) => {
        const { elements, beside, indent } = parts
        const text = JSON.stringify({ ...beside, data: { rows: elements }, z: 1 }, null, indent)
        const found = await all(elementsAt(chunked(text, size), target(['data', 'rows'])))
        expect(found).toEqual(parseJson(JSON.stringify(elements)))
      }),
    )
  })

  test('are found under a key that is escaped in the document', async () => {
    const document = String.raw`{"\u0064ata": [1, "\\\"]", {"a": "}"}]}`
    expect(await all(elementsAt(chunked(document, 1), target(['data'])))).toEqual([
      1,
      '\\"]',
      { a: '}' },
    ])
  })

  test('are those of the root where the path is empty', async () => {
    expect(await all(elementsAt(chunked(' [1, [2], {}] '), target([])))).toEqual([1, [2], {}])
  })

  test('are one value where there is no array, and none where that is false', async () => {
    expect(await all(elementsAt(chunked('{"data": {"id": 1}}', 2), target(['data'])))).toEqual([
      { id: 1 },
    ])
    expect(await all(elementsAt(chunked('{"data": {}}', 2), target(['data'])))).toEqual([])
    expect(await all(elementsAt(chunked('{"data": 12}', 1), target(['data'])))).toEqual([12])
  })

  test('are none where the path leads nowhere', async () => {
    expect(
      await all(elementsAt(chunked('{"other": [1], "x": {"data": [2]}}'), target(['data']))),
    ).toEqual([])
    expect(await all(elementsAt(chunked('5'), target(['data'])))).toEqual([])
  })

  test('before a break are given', async () => {
    const broken = '{"data": [{"id": 1}, {"id": 2}, {"id": nope}, {"id": 4}]}'
    const found = await untilError(elementsAt(chunked(broken, 100), target(['data'])))
    expect(found).toEqual({ values: [{ id: 1 }, { id: 2 }], error: 'IncompleteJSONError' })
  })

  test('any damage ends in an error or in values, never in a hang', async () => {
    const document = Buffer.from(
      '{"a": 1, "data": [{"id": 1, "t": "x\\"y"}, [2, 3], null], "b": {}}',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.nat(document.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 1, max: 20 }),
        async (place, byte, size) => {
          const damaged = Buffer.from(document)
          damaged[place] = byte
          const { error } = await untilError(elementsAt(chunked(damaged, size), target(['data'])))
          expect([null, 'IncompleteJSONError']).toContain(error)
        },
      ),
    )
  })
})

describe('the items at a dotted path are those that ijson gives', () => {
  // [document, values, whether an error follows], by ijson 3 with yajl2_c and the path "a".
  test.each([
    ['{"a":[1,2', [1, 2], true],
    ['{"a":[1]} x', [1], true],
    ['', [], true],
    ['{"a":{"item":5}}', [5], false],
    ['{"a":[1],"a":[2]}', [1, 2], false],
    ['{"a":[1],"b":nope}', [1], true],
    ['[1]', [], false],
    ['{"a":[1,]}', [1], true],
    ['\ufeff{"a":[1]}', [], true],
    ['{"a":[1]}{"a":[2]}', [1], true],
    ['{"a":{"b":1}}', [], false],
    ['<html>', [], true],
  ])('%s', async (document, values, fails) => {
    const found = await untilError(elementsAt(chunked(document, 3), items('a')))
    expect(found).toEqual({ values, error: fails ? 'IncompleteJSONError' : null })
  })

  test('through arrays, and through keys that hold dots', async () => {
    const document = '{"a": [{"b": [1]}, {"b": [2, 3]}], "x.y": [4]}'
    expect(await all(elementsAt(chunked(document, 2), items('a.item.b')))).toEqual([1, 2, 3])
    expect(await all(elementsAt(chunked(document, 2), items('x.y')))).toEqual([4])
  })

  test('a text that is not UTF-8 is an error', async () => {
    const bytes = Buffer.from('{"a":["\xff"]}', 'latin1')
    expect((await untilError(elementsAt(chunked(bytes), items('a')))).error).toBe(
      'IncompleteJSONError',
    )
  })
})
