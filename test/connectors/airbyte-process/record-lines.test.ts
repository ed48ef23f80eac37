import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecordLines, type ReadLines } from '../../../connectors/airbyte-process/record-lines.ts'
import { JsonLinesDecoder, parseExact, type JsonLine } from '../../../protocol/index.ts'

const record = (data: string, time = 1_700_000_000_000, stream = 'people'): string =>
  `{"type":"RECORD","record":{"stream":"${stream}","data":${data},"emitted_at":${String(time)}}}`

/** As the lines would be if each was parsed as a whole. */
function asLines(read: readonly ReadLines[]): readonly JsonLine[] {
  return read.flatMap((part): readonly JsonLine[] => {
    if (part.kind === 'lines') return part.lines
    const { shape, bytes, bounds } = part
    const found: JsonLine[] = []
    for (let index = 0; index < bounds.length; index += 2) {
      const [start = 0, end = 0] = bounds.slice(index, index + 2)
      const data = parseExact(Buffer.from(bytes).toString('utf8', start, end)) as object
      const { stream, namespace } = shape
      const emittedAt = shape.emittedAtMs(bytes, end)
      const plain = { stream, data, emitted_at: emittedAt }
      const whole = namespace === undefined ? plain : { ...plain, namespace }
      const message = { type: 'RECORD', record: whole } as never
      found.push({ kind: 'message', message })
    }
    return found
  })
}

function readAll(bytes: Buffer, cuts: readonly number[]): readonly ReadLines[] {
  const lines = new RecordLines()
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b)
  const parts = [...ends, bytes.length].map((end, index) =>
    bytes.subarray(ends[index - 1] ?? 0, end),
  )
  return [...parts.flatMap((part) => lines.push(part)), ...lines.end()]
}

const anyLine = fc.oneof(
  { weight: 6, arbitrary: fc.integer().map((id) => record(`{"id":${String(id)},"name":"ä"}`)) },
  { weight: 2, arbitrary: fc.integer({ min: 0 }).map((time) => record('{"id":1}', time)) },
  fc.constantFrom(
    record('{"id":1}', 1, 'other'),
    record('{}'),
    '{"type":"RECORD","record":{"stream":"people","namespace":"n","data":{"a":"\\"data\\":"},"emitted_at":5}}',
    '{"type":"RECORD","record":{"emitted_at":5,"stream":"people","data":{"id":2}}}',
    '{"type":"RECORD","record":{"stream":"people","data":{"id":3},"emitted_at":5},"x":1}',
    '{"type":"RECORD","record":{"stream":"people","data":{"id":3},"emitted_at":5,"meta":null}}',
    '{"type": "RECORD", "record": {"stream": "people", "data": {"id": 3}, "emitted_at": 5}}',
    '{"type": "RECORD", "record": {"stream": "people", "data": {"id": 4}, "emitted_at": 6}}',
    '{"type":"LOG","log":{"level":"INFO","message":"hello"}}',
    'a text, and not JSON',
    '',
    `${record('{"id":4}')}\r`,
  ),
)

test('lines are the same as if each was parsed as a whole, wherever chunks are cut', () => {
  fc.assert(
    fc.property(
      fc.array(anyLine, { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      fc.boolean(),
      (lines, cuts, ends) => {
        const bytes = Buffer.from(lines.join('\n') + (ends ? '\n' : ''))
        const decoder = new JsonLinesDecoder()
        const whole = [...decoder.push(bytes), ...decoder.end()]
        // Nobody reads more than the record of a message, and records of one shape have nothing else.
        const read = (line: JsonLine) =>
          line.kind === 'message' ? { ...line, message: { ...line.message, x: undefined } } : line
        expect(asLines(readAll(bytes, cuts)).map(read)).toEqual(whole.map(read))
      },
    ),
    { numRuns: 2_000 },
  )
})

test('records of one shape stay bytes', () => {
  const lines = Array.from({ length: 50 }, (_, id) => `${record(`{"id":${String(id)}}`)}\n`)
  const found = readAll(Buffer.from(lines.join('')), [])
  expect(found.map((part) => part.kind)).toEqual(['lines', 'objects'])
  const [, objects] = found
  expect(objects?.kind === 'objects' ? objects.bounds.length : 0).toBe(98)
})
