import { gzipSync, deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { responseToFileExtractor } from '../../../../manifest-interpreter/components/extractors/response-to-file-extractor.ts'
import { entries, isDict } from '../../../../manifest-interpreter/value/dict.ts'
import { all, chunked, response } from '../body.ts'

async function extract(body: string | Uint8Array, preserve_na_values = false) {
  const extractor = responseToFileExtractor({ type: 'ResponseToFileExtractor', preserve_na_values })
  const records = await all(extractor.extract(response(chunked(body, 5))))
  return records.map((record) => (isDict(record) ? entries(record) : record))
}

describe('ResponseToFileExtractor reads CSV as pandas does', () => {
  test.each<[string, [string, string | null][][]]>([
    [
      'a,b\n1,2\n',
      [
        [
          ['a', '1'],
          ['b', '2'],
        ],
      ],
    ],
    ['', []],
    ['a,b\n', []],
    [
      'a,a,,\n1,2,3,4\n',
      [
        [
          ['a', '1'],
          ['a.1', '2'],
          ['Unnamed: 2', '3'],
          ['Unnamed: 3', '4'],
        ],
      ],
    ],
    [
      'a,b\n1,2,3\n4,5,6\n',
      [
        [
          ['a', '2'],
          ['b', '3'],
        ],
        [
          ['a', '5'],
          ['b', '6'],
        ],
      ],
    ],
    [
      'a,b\n1\n',
      [
        [
          ['a', '1'],
          ['b', null],
        ],
      ],
    ],
    [
      'a,b\nNA,<NA>\n NA,null\n',
      [
        [
          ['a', null],
          ['b', null],
        ],
        [
          ['a', ' NA'],
          ['b', null],
        ],
      ],
    ],
    ['a\n\n \nx\n', [[['a', 'x']]]],
    [
      '\ufeff"a",2\n"x\r\ny",1.0',
      [
        [
          ['a', 'x\ny'],
          ['2', '1.0'],
        ],
      ],
    ],
  ])('%j', async (body, records) => {
    expect(await extract(body)).toEqual(records)
  })

  test('keeps NA where the manifest says so', async () => {
    expect(await extract('a,b\nNA,\n', true)).toEqual([
      [
        ['a', 'NA'],
        ['b', null],
      ],
    ])
  })

  test('reads compressed bodies, also one that ends too early', async () => {
    const csv = `a\n${'x\n'.repeat(100)}`
    expect(await extract(gzipSync(csv))).toHaveLength(100)
    expect(await extract(deflateSync(csv))).toHaveLength(100)
    expect((await extract(gzipSync(csv).subarray(0, -5))).length).toBeGreaterThan(0)
  })

  test('leaves zero bytes of plain text out', async () => {
    expect(await extract('a\nx\0y\n')).toEqual([[['a', 'xy']]])
  })

  test.each(['a,b\n1,2\n3,4,5\n', 'a\n"x'])('fails on %j', async (body) => {
    await expect(extract(body)).rejects.toMatchObject({ name: 'ParserError' })
  })
})
