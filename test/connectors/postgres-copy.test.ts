import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BoundaryGroup, EmittedRows } from '../../connectors/postgres/boundary.ts'
import { fieldOf, lastLineStart, lineHash } from '../../connectors/postgres/copy-line.ts'
import { CopyMessages } from '../../connectors/postgres/copy-messages.ts'
import { CursorGroup } from '../../connectors/postgres/cursor-group.ts'
import { integerSteps } from '../../connectors/postgres/range-bounds.ts'
import { rangesBetween } from '../../connectors/postgres/range-query.ts'

const field = fc.option(
  fc.string({ unit: fc.constantFrom('a', '\t', '\n', '\\', 'N', '\r', 'é', '😀', '\v', 'b') }),
)
const rows = fc.array(fc.array(field, { minLength: 3, maxLength: 3 }), {
  minLength: 1,
  maxLength: 20,
})

/** As COPY TO writes it. */
function lineOf(values: readonly (string | null)[]): string {
  const letters: Record<string, string> = {
    '\\': '\\',
    '\b': 'b',
    '\f': 'f',
    '\n': 'n',
    '\r': 'r',
    '\t': 't',
    '\v': 'v',
  }
  const escape = (value: string) =>
    value.replace(/[\\\b\f\n\r\t\v]/g, (c) => (c === '\b' ? '\\b' : `\\${letters[c] ?? ''}`))
  return `${values.map((value) => (value === null ? '\\N' : escape(value))).join('\t')}\n`
}

function message(type: string, payload: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeUInt32BE(payload.length + 4, 1)
  return Buffer.concat([header, payload])
}

test('the fields of the last line come out as they went in', () => {
  fc.assert(
    fc.property(rows, (values) => {
      const lines = Buffer.from(values.map(lineOf).join(''))
      const start = lastLineStart(lines)
      expect([0, 1, 2].map((index) => fieldOf(lines, start, index))).toEqual(values.at(-1))
    }),
  )
})

test('however the socket cuts the messages, the same lines come out and the rest reaches pg', () => {
  const notice = message('N', Buffer.from('SNOTICE\0\0'))
  const end = Buffer.concat([message('c', Buffer.alloc(0)), message('C', Buffer.from('COPY 3\0'))])
  fc.assert(
    fc.property(
      rows,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (values, cuts) => {
        const messages = values.flatMap((row, i) => {
          const data = message('d', Buffer.from(lineOf(row)))
          return i % 3 === 0 ? [notice, data] : [data]
        })
        const stream = Buffer.concat([message('H', Buffer.from([0, 0, 0])), ...messages, end])
        const forwarded: Buffer[] = []
        const reader = new CopyMessages((bytes) => forwarded.push(Buffer.from(bytes)))
        const lines: Buffer[] = []
        let given = 0
        let rest: Buffer | undefined
        for (
          let position = 0, turn = 0;
          position < stream.length && rest === undefined;
          turn += 1
        ) {
          const size = cuts[turn % cuts.length] ?? 1
          const left = reader.push(stream.subarray(position, position + size))
          position += size
          if (left !== undefined) rest = Buffer.concat([left, stream.subarray(position)])
          if (turn % 2 === 0) continue
          reader.release()
          const chunk = reader.take()
          given += chunk?.rows ?? 0
          if (chunk !== undefined) lines.push(Buffer.from(chunk.bytes))
        }
        reader.release()
        const last = reader.take()
        given += last?.rows ?? 0
        if (last !== undefined) lines.push(Buffer.from(last.bytes))
        expect(Buffer.concat(lines).toString()).toBe(values.map(lineOf).join(''))
        expect(given).toBe(values.length)
        expect(rest).toEqual(end)
        const notices = Math.ceil(values.length / 3)
        expect(Buffer.concat(forwarded)).toEqual(
          Buffer.concat(Array.from({ length: notices }, () => notice)),
        )
      },
    ),
  )
})

/** As COPY TO writes it in binary: the number of fields, and each with its length. */
function binaryRowOf(values: readonly (string | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeInt16BE(values.length)
  const fields = values.map((value) => {
    const text = Buffer.from(value ?? '')
    const length = Buffer.alloc(4)
    length.writeInt32BE(value === null ? -1 : text.length)
    return Buffer.concat([length, text])
  })
  return Buffer.concat([count, ...fields])
}

const binaryHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')

test('however the socket cuts the messages, binary rows come without header and trailer, and are counted', () => {
  const end = Buffer.concat([message('c', Buffer.alloc(0)), message('C', Buffer.from('COPY 3\0'))])
  fc.assert(
    fc.property(
      fc.array(fc.array(field, { maxLength: 3 }), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      fc.boolean(),
      (values, cuts, headerIsAlone) => {
        const encoded = values.map(binaryRowOf)
        const [first = Buffer.alloc(0), ...others] = encoded
        const heads = headerIsAlone
          ? [binaryHeader, ...encoded]
          : [Buffer.concat([binaryHeader, first]), ...others]
        const messages = [...heads, Buffer.from([0xff, 0xff])].map((row) => message('d', row))
        const stream = Buffer.concat([message('H', Buffer.from([1, 0, 0])), ...messages, end])
        const reader = new CopyMessages(() => undefined, 'binary')
        const bytes: Buffer[] = []
        let given = 0
        const take = (): void => {
          reader.release()
          const chunk = reader.take()
          if (chunk === undefined) return
          bytes.push(Buffer.from(chunk.bytes))
          given += chunk.rows
          const lastRow = encoded[given - 1]
          expect(Buffer.from(chunk.bytes.subarray(chunk.lastRow))).toEqual(lastRow)
        }
        for (let position = 0, turn = 0; position < stream.length; turn += 1) {
          const size = cuts[turn % cuts.length] ?? 1
          if (reader.push(stream.subarray(position, position + size)) !== undefined) break
          position += size
          if (turn % 2 === 1) take()
        }
        take()
        expect(Buffer.concat(bytes)).toEqual(Buffer.concat(encoded))
        expect(given).toBe(values.length)
      },
    ),
  )
})

test('however sorted lines are chunked, the group is that of the highest value', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      (cursors, size) => {
        const lines = cursors
          .sort((a, b) => a - b)
          .map((cursor, i) => lineOf([String(i), `${cursor}`]))
        const groups = new CursorGroup(1, (text) => text)
        for (let position = 0; position < lines.length; position += size)
          groups.add(Buffer.from(lines.slice(position, position + size).join('')))
        const expected = new BoundaryGroup()
        const top = String(cursors.at(-1))
        for (const line of lines) {
          const bytes = Buffer.from(line)
          if (fieldOf(bytes, 0, 1) === top) expected.add(bytes, 0, bytes.length)
        }
        expect(groups.cursor).toBe(top)
        expect(groups.group.toBoundary()).toEqual(expected.toBoundary())
      },
    ),
  )
})

test('rows of a saved boundary are recognised as often as they were emitted', () => {
  const lines = (...texts: string[]) => Buffer.from(texts.map((text) => `${text}\n`).join(''))
  const group = new BoundaryGroup()
  for (const text of ['a', 'a', 'b']) group.add(lines(text), 0, 2)
  const boundary = group.toBoundary()
  const emitted = new EmittedRows(boundary.kind === 'rows' ? boundary.hashes : '')
  expect(emitted.keepNew(lines('a', 'c', 'a')).toString()).toBe('c\n')
  expect(emitted.keepNew(lines('a', 'b')).toString()).toBe('a\n')
  expect(emitted.present.count).toBe(5)
  expect(emitted.ever.count).toBe(5)
})

test('a group of more than 10,000 rows is its count and sum, whatever the order', () => {
  const hashes = Array.from({ length: 10_001 }, (_, i) =>
    lineHash(Buffer.from(`${i}\n`), 0, String(i).length + 1),
  )
  const forward = new BoundaryGroup()
  const backward = new BoundaryGroup()
  for (const hash of hashes) forward.addHash(hash)
  for (const hash of hashes.reverse()) backward.addHash(hash)
  expect(forward.isExact).toBe(false)
  expect(forward.toBoundary()).toMatchObject({ kind: 'digest', count: 10_001 })
  expect(backward.toBoundary()).toEqual(forward.toBoundary())
})

test('integer ranges are even, ascending and never empty', () => {
  const bigint = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  fc.assert(
    fc.property(bigint, bigint, fc.integer({ min: 2, max: 64 }), (a, b, ranges) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      const bounds = integerSteps(low, high, ranges).map(([bound]) => BigInt(bound ?? ''))
      for (const bound of bounds) expect(bound > low && bound <= high).toBe(true)
      expect(bounds).toEqual([...bounds].sort((x, y) => (x < y ? -1 : 1)))
    }),
  )
})

test('neighbouring ranges share their bounds and are open at both ends', () => {
  const ranges = rangesBetween(['id'], [['5'], ['9']])
  expect(ranges.map(({ from, to }) => [from, to])).toEqual([
    [null, ['5']],
    [['5'], ['9']],
    [['9'], null],
  ])
})

test.each([
  ['1\tone\n2\ttwo\n', 'a message of more than one line'],
  ['1\tone', 'a message without a whole line'],
  ['\n\n', 'a message of more than one line'],
  ['', 'a message without a whole line'],
])('text of a message that is not one line is damage: %j', (text, damage) => {
  const reader = new CopyMessages(() => undefined)
  const first = message('d', Buffer.from('0\ta first line that is longer\n'))
  reader.push(Buffer.concat([message('H', Buffer.from([0, 0, 0])), first]))
  expect([reader.take()?.rows, reader.damage]).toEqual([1, undefined])
  reader.release()
  reader.push(message('d', Buffer.from(text)))
  expect(reader.damage).toBe(damage)
})
