import { describe, expect, test } from 'vitest'
import { jsonDecoder } from '../../../../manifest-interpreter/components/decoders/json-decoder.ts'
import { answeredBuilder } from '../answered-builder.ts'
import { all, response } from '../body.ts'
import type { Extractor } from '../../../../manifest-interpreter/contracts.ts'
import type { Value } from '../../../../manifest-interpreter/value/value.ts'

function extractor(field_path: string[]): Extractor {
  const { builder } = answeredBuilder({ config: { key: 'data' } })
  return builder.build(
    'extractor',
    { type: 'DpathExtractor', field_path, $parameters: { inner: 'rows' } },
    { streamName: 'items', decoder: jsonDecoder() },
  )
}
const extract = (path: string[], body: unknown) =>
  all(extractor(path).extract(response(JSON.stringify(body))))

describe('DpathExtractor', () => {
  // Values by the reference.
  test.each<[string[], unknown, Value[]]>([
    [['data'], { data: [{ id: 1 }, null, {}, 0] }, [{ id: 1 }, null, {}, 0]],
    [['data'], { data: { id: 1 } }, [{ id: 1 }]],
    [['data'], { data: {} }, []],
    [['data'], { data: null }, []],
    [['data'], { data: 's' }, ['s']],
    [['data'], {}, []],
    [['data'], [{ data: [1, 2] }, { data: [3] }], [1, 2, 3]],
    [[], { id: 1 }, [{ id: 1 }]],
    [[], [{ id: 1 }, {}, [1, 2], 0], [{ id: 1 }, 1, 2]],
    [['data', '*'], { data: { a: { id: 1 }, b: { id: 2 } } }, [{ id: 1 }, { id: 2 }]],
    [['data', '*', 'id'], { data: [{ id: 1 }, {}, { id: 2 }] }, [1, 2]],
    [['*', '*'], { a: [1], b: { c: 2 } }, [1, 2]],
    [['data', '0'], { data: [[1, 2], [3]] }, [1, 2]],
    [['data', '-1'], { data: [[1, 2], [3]] }, [3]],
    [['1'], { 1: [1] }, []],
    [['d?ta'], { data: [1] }, [1]],
    [['{{ config.key }}', '{{ parameters.inner }}'], { data: { rows: [1] } }, [1]],
    [['data', 'rows'], { data: 5 }, []],
    [['constructor', 'name'], { a: 1 }, []],
  ])('selects %j of %j', async (path, body, records) => {
    expect(await extract(path, body)).toEqual(records)
  })

  test('fails where a pattern other than * fits several places', async () => {
    await expect(extract(['data', '[ab]'], { data: { a: 1, b: 2 } })).rejects.toThrow(
      'must match only one leaf',
    )
  })

  test('finds keys that look like indexes', async () => {
    const records = await extract(['data', '2024-*', 'rows'], {
      data: { '2024-01': { rows: [1] } },
    })
    expect(records).toEqual([1])
  })

  test('gives the list of a page as it is, in one batch', async () => {
    const answer = response('{"data": [1, 2, 3]}')
    const batches: (readonly Value[])[] = []
    for await (const batch of extractor(['data']).extract(answer)) batches.push(batch)
    expect(batches).toEqual([[1, 2, 3]])
  })
})
