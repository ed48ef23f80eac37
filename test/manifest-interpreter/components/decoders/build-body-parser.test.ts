import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildBodyParser } from '../../../../manifest-interpreter/components/decoders/build-body-parser.ts'
import { entries, isDict } from '../../../../manifest-interpreter/value/dict.ts'
import { all, chunked, untilError } from '../body.ts'
import type { PlainDict, Value } from '../../../../manifest-interpreter/value/value.ts'
import { silent } from '../../../support/logger.ts'

const parse = (definition: PlainDict, body: string | Uint8Array, size?: number) =>
  buildBodyParser(definition, silent)(chunked(body, size))
const rows = async (definition: PlainDict, body: string | Uint8Array, size?: number) =>
  (await all(parse(definition, body, size))).map((row) => (isDict(row) ? entries(row) : row))

describe('CsvDecoder', () => {
  const csv = { type: 'CsvDecoder' }

  test('reads rows as csv.DictReader does', async () => {
    const body = 'id,name\n1,"a,""b"""\n\n2\n3,x"y,z,w\n'
    for (const size of [1, 2, 3, 100])
      expect(await rows(csv, body, size)).toEqual([
        [
          ['id', '1'],
          ['name', 'a,"b"'],
        ],
        [
          ['id', '2'],
          ['name', null],
        ],
        [
          ['id', '3'],
          ['name', 'x"y'],
          [null, ['z', 'w']],
        ],
      ])
  })

  test('takes every line end for a line feed, in quotes, too', async () => {
    for (const size of [1, 2, 100])
      expect(await rows(csv, 'a\r\n"x\r\ny"\r"z"w', size)).toEqual([[['a', 'x\ny']], [['a', 'zw']]])
  })

  test('keeps a byte order mark, as Python does for utf-8', async () => {
    expect(await rows(csv, '\ufeffa\n1')).toEqual([[['\ufeffa', '1']]])
    expect(await rows({ ...csv, encoding: 'utf-8-sig' }, '\ufeffa\n1')).toEqual([[['a', '1']]])
  })

  test('knows encodings by the names that Python has for them', async () => {
    const body = Buffer.from('a\n\xe9\x80', 'latin1')
    expect(await rows({ ...csv, encoding: 'latin-1' }, body)).toEqual([[['a', 'é\x80']]])
    expect(await rows({ ...csv, encoding: 'cp1252' }, body)).toEqual([[['a', 'é€']]])
    const utf16 = Buffer.from('\ufeffa\n1', 'utf16le')
    expect(await rows({ ...csv, encoding: 'UTF_16' }, utf16, 1)).toEqual([[['a', '1']]])
  })

  test('fails on bytes that are not in its encoding, and on an unknown one', async () => {
    const body = Buffer.from('a\n\xe9', 'latin1')
    expect((await untilError(parse(csv, body))).error).toBe('UnicodeDecodeError')
    expect((await untilError(parse({ ...csv, encoding: 'ascii' }, body))).error).toBe(
      'UnicodeDecodeError',
    )
    expect((await untilError(parse({ ...csv, encoding: 'nope' }, body))).error).toBe('LookupError')
  })

  test('takes escapes in its delimiter', async () => {
    expect(await rows({ ...csv, delimiter: String.raw`\t` }, 'a\tb\n1\t2')).toEqual([
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ])
  })

  test('makes null of the texts that the manifest names', async () => {
    expect(await rows({ ...csv, set_values_to_none: ['', 'NULL'] }, 'a,b\nNULL,x\n')).toEqual([
      [
        ['a', null],
        ['b', 'x'],
      ],
    ])
  })

  test('keeps the order of names that look like numbers, and takes __proto__ for a name', async () => {
    expect(await rows(csv, 'b,2,1,__proto__\nx,y,z,w')).toEqual([
      [
        ['b', 'x'],
        ['2', 'y'],
        ['1', 'z'],
        ['__proto__', 'w'],
      ],
    ])
  })

  test('refuses a field longer than the limit of Python', async () => {
    expect((await untilError(parse(csv, `a\n${'x'.repeat(131_073)}`, 50_000))).error).toBe('Error')
    expect(await all(parse(csv, `a\n${'x'.repeat(131_072)}`, 50_000))).toHaveLength(1)
  })
})

describe('JsonlDecoder', () => {
  const jsonl = { type: 'JsonlDecoder' }

  test('reads a value a line and leaves out lines that are none', async () => {
    const body = '{"a": 1}\n\nnope\n[2]\r\n"é"'
    for (const size of [1, 3, 100])
      expect(await rows(jsonl, body, size)).toEqual([[['a', 1]], [2], 'é'])
  })

  test('fails on a line that is not UTF-8, after the lines before it', async () => {
    const body = Buffer.from('1\n"\xff"\n3', 'latin1')
    expect(await untilError(parse(jsonl, body, 100))).toEqual({
      values: [1],
      error: 'UnicodeDecodeError',
    })
  })
})

describe('GzipDecoder', () => {
  const gzip = { type: 'GzipDecoder', decoder: { type: 'JsonlDecoder' } }

  test('decompresses, in several layers and members, and passes plain bodies through', async () => {
    const body = Buffer.concat([gzipSync('1\n'), gzipSync('2\n')])
    expect(await all(parse(gzip, body, 3))).toEqual([1, 2])
    expect(await all(parse(gzip, '1\n2', 1))).toEqual([1, 2])
    expect(
      await all(parse({ type: 'GzipDecoder', decoder: gzip }, gzipSync(gzipSync('1')))),
    ).toEqual([1])
    expect(await all(parse(gzip, ''))).toEqual([])
  })

  test('fails on data that end too early or are broken, after what came before', async () => {
    const body = gzipSync('1\n2\n')
    expect((await untilError(parse(gzip, body.subarray(0, -6)))).error).toBe('EOFError')
    const broken = Buffer.from(body)
    broken.fill(0xff, 12, 16)
    expect((await untilError(parse(gzip, broken))).error).toBe('BadGzipFile')
  })

  test('fails on JSON that cannot be parsed', async () => {
    const definition = { type: 'GzipDecoder', decoder: { type: 'JsonDecoder' } }
    expect(await all(parse(definition, gzipSync('[1, 2]')))).toEqual([1, 2])
    for (const body of ['', 'null', '{'])
      expect((await untilError(parse(definition, gzipSync(body)))).error).toBe('SourceError')
  })

  test('frees the body where its reader stops early', async () => {
    let freed = false
    async function* body() {
      try {
        for (;;) yield await Promise.resolve(gzipSync('1\n'))
      } finally {
        freed = true
      }
    }
    for await (const batch of buildBodyParser(gzip, silent)(body())) if (batch.length > 0) break
    await expect.poll(() => freed).toBe(true)
  })
})

test('a decoder that reads whole responses cannot be inside of another', () => {
  expect(() => buildBodyParser({ type: 'XmlDecoder' }, silent)).toThrow(
    /cannot be inside of another decoder/,
  )
})

test('whatever the body is, a decoder ends with values or a named error', async () => {
  const definitions: PlainDict[] = [
    { type: 'CsvDecoder' },
    { type: 'JsonlDecoder' },
    { type: 'JsonDecoder' },
    { type: 'JsonItemsDecoder', items_path: 'a' },
    { type: 'GzipDecoder', decoder: { type: 'CsvDecoder' } },
  ]
  const names: Value[] = [
    null,
    'BadGzipFile',
    'EOFError',
    'Error',
    'IncompleteJSONError',
    'SourceError',
    'UnicodeDecodeError',
  ]
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), bytes])),
    fc
      .string({
        unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '1', 'a', '\\', '\n'),
        maxLength: 40,
      })
      .map((text) => Buffer.from(text)),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...definitions),
      body,
      fc.integer({ min: 1, max: 30 }),
      async (definition, bytes, size) => {
        expect(names).toContain((await untilError(parse(definition, bytes, size))).error)
      },
    ),
  )
})
