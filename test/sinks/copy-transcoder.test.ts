import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BlockEncoder } from '../../protocol/avro/block-encoder.ts'
import type { Column } from '../../protocol/index.ts'
import { CopyTranscoder } from '../../sinks/postgres/load/avro-to-copy.ts'
import { LoadLosses } from '../../sinks/postgres/load/load-losses.ts'
import { SeenFacts } from '../../sinks/postgres/load/seen-facts.ts'
import { columnTypeOf } from '../../sinks/postgres/tables/column-types.ts'
import { ByteOutput } from '../../sinks/wire/byte-output.ts'

const columns: readonly Column[] = [{ name: 'a', kind: 'integer' }]

/** The rows of a COPY in text, of one record for each time. */
function copyOf(times: readonly number[]): readonly string[] {
  const encoder = new BlockEncoder({ columns, maxRecordBytes: 1_000 })
  times.forEach((emittedAtMs, index) => encoder.records([{ a: index }], 0, emittedAtMs))
  const block = encoder.take()
  if (block === undefined) return []
  const output = new ByteOutput(Buffer.alloc(64))
  const transcoder = new CopyTranscoder(
    output,
    columns.map((column) => ({
      ...column,
      target: { name: column.name, held: columnTypeOf(column.kind) },
    })),
    {
      format: 'text',
      seen: new SeenFacts(columns.length),
      losses: new LoadLosses(),
      keyFields: [],
      tail: {
        idFacts: ['test'],
        syncId: 1,
        generationId: 1,
        metadata: 'minimal',
        hasMeta: false,
        isStaged: false,
      },
    },
  )
  transcoder.open({ slice: '', seq: 0, ...block }, 0)
  expect(transcoder.pump(1_000_000, block.count)).toBe('done')
  return output.bytes.toString('utf8', 0, output.offset).split('\n').slice(0, -1)
}

function timeOf(row: string): number {
  const [text = ''] = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?/.exec(row) ?? []
  return Date.parse(`${text.replace(' ', 'T')}Z`)
}

// The usual time takes six bytes, and is not decoded again while it repeats.
const usual = fc.constantFrom(1_767_225_600_000, 1_767_225_600_001, 1_767_225_665_536)
const other = fc.constantFrom(0, 1, -1, 200_000_000, 1_099_511_627_775, 2_199_023_255_552)

test('each row has the time of its own record, whether it is that of the row before or not', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(usual, usual, other), { maxLength: 12 }), (times) => {
      expect(copyOf(times).map(timeOf)).toEqual(times)
    }),
  )
})
