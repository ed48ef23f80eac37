import { describe, expect, test } from 'vitest'
import { readResults } from '../../../../engine/read/transform/transform-results.ts'
import { rawJson } from '../../../../protocol/index.ts'

describe('the results of a function', () => {
  test('are records and rejections, in order, with exact numbers', () => {
    const text =
      '{"results":[{"record":{"id":9007199254740993,"n":0.1000000000000000055}},{"reject":"no"},{"record":{}}]}'
    expect(readResults(text, 3)).toEqual([
      { record: { id: 9007199254740993n, n: rawJson('0.1000000000000000055') } },
      { reject: 'no' },
      { record: {} },
    ])
  })

  test('null is a rejection, never a record that disappears', () => {
    expect(readResults('{"results":[null,{"record":null}]}', 2)).toEqual([
      { reject: 'null was returned for it' },
      { reject: 'null was returned for it' },
    ])
  })

  test('a record that looks like a result is a record', () => {
    const record = { reject: 'a field of the table', record: { reject: 'x' } }
    expect(readResults(JSON.stringify({ results: [{ record }] }), 1)).toEqual([{ record }])
  })

  test.each([
    ['', 'its response is not JSON'],
    ['<html>', 'its response is not JSON'],
    ['null', 'its response is not `{"results": […]}`, but must be'],
    ['[{"record":{}}]', 'its response is not `{"results": […]}`, but must be'],
    ['{"results":{}}', 'its response is not `{"results": […]}`, but must be'],
    ['0.1000000000000000055', 'its response is not `{"results": […]}`, but must be'],
    [
      '{"results":[]}',
      'it got 1 records and responded with 0 results: there must be one for each record, in their order',
    ],
    ...[
      '{}',
      '[]',
      '1',
      '"x"',
      '{"id":1}',
      '{"record":[]}',
      '{"record":1}',
      '{"record":"x"}',
      '{"record":0.1000000000000000055}',
      '{"reject":null}',
      '{"reject":1}',
      '{"record":{},"reject":"x"}',
      '{"record":null,"reject":"x"}',
      '{"record":{},"rejected":"x"}',
      '{"__proto__":{"record":{}}}',
    ].map((entry) => [
      `{"results":[${entry}]}`,
      'results[0] of its response is neither `{"record": {…}}` nor `{"reject": "reason"}`',
    ]),
  ])('%s is refused', (text, message) => {
    expect(() => readResults(text, 1)).toThrow(message)
  })
})
