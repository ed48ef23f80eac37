import { expect, test } from 'vitest'
import { iterableDecoder } from '../../../../manifest-interpreter/components/decoders/iterable-decoder.ts'
import { all, chunked, response, untilError } from '../body.ts'

test('IterableDecoder gives each line as a record, also an empty one', async () => {
  for (const size of [1, 2, 3, 100]) {
    const body = chunked('1\r\n2\n\nthré\re', size)
    expect(await all(iterableDecoder().decode(response(body)))).toEqual(
      ['1', '2', '', 'thré', 'e'].map((record) => ({ record })),
    )
  }
})

test('IterableDecoder fails on a line that is not UTF-8', async () => {
  const body = chunked(Buffer.from('1\n\xff', 'latin1'))
  expect(await untilError(iterableDecoder().decode(response(body)))).toEqual({
    values: [{ record: '1' }],
    error: 'UnicodeDecodeError',
  })
})
