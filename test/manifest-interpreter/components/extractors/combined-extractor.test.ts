import { describe, expect, test } from 'vitest'
import { jsonDecoder } from '../../../../manifest-interpreter/components/decoders/json-decoder.ts'
import { isDropped } from '../../../../manifest-interpreter/components/extractors/dropped-record.ts'
import { answeredBuilder } from '../answered-builder.ts'
import { all, response } from '../body.ts'
import type { PlainDict } from '../../../../manifest-interpreter/value/value.ts'

const extractorAt = (...field_path: string[]) => ({ type: 'DpathExtractor', field_path })

function extract(definition: PlainDict, body: unknown) {
  const { builder } = answeredBuilder()
  const extractor = builder.build(
    'extractor',
    { type: 'CombinedExtractor', extractors: [extractorAt('a'), extractorAt('b')], ...definition },
    { streamName: 'items', decoder: jsonDecoder() },
  )
  return all(extractor.extract(response(JSON.stringify(body))))
}

describe('CombinedExtractor', () => {
  test('gives the records of all its extractors', async () => {
    expect(await extract({}, { a: [1, null], b: [2] })).toEqual([1, null, 2])
  })

  test('gives those of the first that has any', async () => {
    const first = { mode: 'first_match' }
    expect(await extract(first, { a: [], b: [2] })).toEqual([2])
    expect(await extract(first, { a: [1], b: [2] })).toEqual([1])
    expect(await extract(first, {})).toEqual([])
  })

  test('counts empty records that it leaves out, of the extractor that wins', async () => {
    const skips = { skip_empty_records: true }
    const all = await extract(skips, { a: [null, 1, {}], b: [0] })
    expect(all.map(isDropped)).toEqual([true, false, true, true])
    const first = await extract({ ...skips, mode: 'first_match' }, { a: [null], b: ['', 2] })
    expect(first.map(isDropped)).toEqual([true, false])
    const nested = {
      ...skips,
      extractors: [
        {
          type: 'CombinedExtractor',
          mode: 'first_match',
          extractors: [extractorAt('a')],
          ...skips,
        },
        extractorAt('b'),
      ],
    }
    expect((await extract(nested, { a: [null, 1], b: [2] })).map(isDropped)).toEqual([
      true,
      false,
      false,
    ])
  })

  test('cannot read a body that is gone after the first extractor', () => {
    const { builder } = answeredBuilder()
    const decoder = builder.build('decoder', { type: 'JsonlDecoder' }, { streamName: 'items' })
    const build = () =>
      builder.build(
        'extractor',
        { type: 'CombinedExtractor', extractors: [extractorAt('a')] },
        { streamName: 'items', decoder },
      )
    expect(build).toThrow('CombinedExtractor is not supported with a streaming decoder.')
  })
})
