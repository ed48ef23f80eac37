import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonDecoder } from '../../../../manifest-interpreter/components/decoders/json-decoder.ts'
import { all, chunked, response, untilError } from '../body.ts'
import type { Value } from '../../../../manifest-interpreter/value/value.ts'
import { isLong } from '../../../support/long.ts'

const same = (bodies: readonly Value[]) => bodies

describe('JsonDecoder', () => {
  // By JsonDecoder of the reference; a body that cannot be read gives an empty dict.
  test.each<[string, string, Value[]]>([
    ['an object', '{"a": 1}', [{ a: 1 }]],
    ['a list', '[1, [2], {}]', [1, [2], {}]],
    ['an empty list', '[]', [{}]],
    ['an empty body', '', [{}]],
    ['null', 'null', [{}]],
    ['false', 'false', [false]],
    ['a number', '5', [5]],
    ['HTML', '<html>', [{}]],
    ['a byte order mark', '\ufeff{"a": 1}', [{}]],
    ['an open bracket', '{"a": [1', [{}]],
    ['NaN', '{"a": NaN}', [{ a: NaN }]],
  ])('reads %s', async (_name, body, values) => {
    expect(await all(jsonDecoder().decode(response(body)))).toEqual(values)
  })

  test('takes what is not UTF-8 for an empty body', async () => {
    const body = Buffer.from('{"a": "\xe9"}', 'latin1')
    expect(await all(jsonDecoder().decode(response(body)))).toEqual([{}])
  })

  test('gives a paginator the value that it has parsed', async () => {
    const decoder = jsonDecoder()
    const answer = response('{"a": 1}')
    const [body] = await all(decoder.decode(answer))
    expect(await decoder.whole(answer)).toBe(body)
  })
})

describe('records that others may see', () => {
  const shown = (seen: (() => ReadonlySet<string> | undefined) | undefined, keys: string[]) => {
    const decoder = jsonDecoder()
    decoder.allowPieces(keys)
    decoder.keepWhole(seen)
    return decoder.isKept
  }

  test('are those under a key that a template looks at, or of a body that is looked at as a whole', () => {
    expect(shown(undefined, ['data'])).toBe(true)
    expect(shown(() => undefined, ['data'])).toBe(true)
    expect(shown(() => new Set(['next', 'data']), ['data', 'items'])).toBe(true)
    expect(shown(() => new Set(['next']), [])).toBe(true)
    expect(shown(() => new Set(['next']), ['data'])).toBe(false)
    expect(jsonDecoder().isKept).toBe(false)
  })
})

describe('a body larger than 8 MB', () => {
  const record = `{"id": 1, "text": "${'x'.repeat(1000)}"}`
  const count = 10_000
  let read = 0
  const large = (end = '], "next": 2}') => {
    read = 0
    return response(
      (async function* () {
        yield await Promise.resolve(Buffer.from('{"data": ['))
        for (let i = 0; i < count; i += 1) {
          read += 1
          yield Buffer.from(i === 0 ? record : `,${record}`)
        }
        yield Buffer.from(end)
      })(),
    )
  }

  test('is read piece by piece', async () => {
    const readAtFirst: number[] = []
    let found = 0
    for await (const batch of jsonDecoder().decodeAt(large(), ['data'], same)) {
      readAtFirst.push(read)
      found += batch.length
    }
    expect(found).toBe(count)
    expect(readAtFirst[0]).toBeLessThan(count)
  })

  test('is read whole for a paginator that looks at it', async () => {
    const decoder = jsonDecoder()
    decoder.keepWhole()
    const answer = large()
    const [body] = await all(decoder.decodeAt(answer, ['data'], same))
    expect(body).toMatchObject({ next: 2 })
    expect(await decoder.whole(answer)).toBe(body)
  })

  test('that breaks off fails after the records before the break', async () => {
    const { values, error } = await untilError(jsonDecoder().decodeAt(large(''), ['data'], same))
    expect(values).toHaveLength(count)
    expect(error).toBe('IncompleteJSONError')
  })

  test('that is a list has a value to select from in each element', async () => {
    const list = response(
      (async function* () {
        yield await Promise.resolve(Buffer.from('['))
        for (let i = 0; i < count; i += 1) yield Buffer.from(i === 0 ? record : `,${record}`)
        yield Buffer.from(']')
      })(),
    )
    const ids = (bodies: readonly Value[]) => bodies.map(() => 1)
    expect(await all(jsonDecoder().decodeAt(list, ['data'], ids))).toHaveLength(count)
  })

  test('below the limit is selected from as a whole', async () => {
    const small = response(chunked('{"data": [1]}'))
    expect(await all(jsonDecoder().decodeAt(small, ['data'], same))).toEqual([{ data: [1] }])
  })
})

describe('any body', () => {
  const token = fc.constantFrom(
    ...'{ } [ ] " , : 1 -1.5 1e999 NaN null true "data" "a" \\ \\ud800 é'.split(' '),
    '\n',
    '\u0000',
    '"__proto__"',
  )
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(token, { maxLength: 40 }).map((tokens) => Buffer.from(tokens.join(''))),
  )

  test('that is small gives values and no error', async () => {
    await fc.assert(
      fc.asyncProperty(body, async (bytes) => {
        const { error } = await untilError(jsonDecoder().decode(response(bytes)))
        expect(error).toBe(null)
        const { error: another } = await untilError(
          jsonDecoder().decodeAt(response(bytes), ['data'], same),
        )
        expect(another).toBe(null)
      }),
      { numRuns: 500 },
    )
  })

  test('that is large gives the same records piece by piece as whole', async () => {
    const padding = ' '.repeat(9 * 1024 * 1024)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 8 }), async (records) => {
        const found = await all(
          jsonDecoder().decodeAt(
            response(chunked(`{"data": ${JSON.stringify(records)}${padding}}`, 1 << 16)),
            ['data'],
            same,
          ),
        )
        expect(found).toStrictEqual(
          await all(jsonDecoder().decode(response(JSON.stringify(records)))).then((values) =>
            records.length === 0 ? [] : values,
          ),
        )
      }),
      { numRuns: isLong ? 20 : 2 },
    )
  })
})
