import { expect, test } from 'vitest'
import { csvParser } from '../../../../manifest-interpreter/components/decoders/csv-parser.ts'
import { elementsAt } from '../../../../manifest-interpreter/components/decoders/elements-at.ts'
import { iterableDecoder } from '../../../../manifest-interpreter/components/decoders/iterable-decoder.ts'
import { lineBatches } from '../../../../manifest-interpreter/components/decoders/json-lines-parser.ts'
import { keyPath } from '../../../../manifest-interpreter/components/decoders/json-path.ts'
import { parseJson } from '../../../../manifest-interpreter/value/json.ts'
import { response } from '../body.ts'
import { usually } from '../../../support/long.ts'

const megabyte = Buffer.alloc(1024 * 1024, 'a')
/** A field of a CSV has a smaller limit of its own; these are many. */
const fields = Buffer.alloc(1024 * 1024, `${'a'.repeat(65_535)},`)

/** The same megabyte again and again, so that the test itself holds one only. */
async function* endless(
  begin: string,
  { piece, asked }: { readonly piece: Uint8Array; readonly asked: { megabytes: number } },
): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(Buffer.from(begin))
  for (; asked.megabytes < 1_000; asked.megabytes++) yield piece
}

interface Endless {
  readonly what: string
  /** One value, and the beginning of the next. */
  readonly begin: string
  readonly piece: Uint8Array
  /** The JSON scanner looks at each byte: a smaller limit keeps its test short. */
  readonly megabytes: number
  readonly decode: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<readonly unknown[]>
}

const decoders: readonly Endless[] = [
  {
    ...{
      what: 'an element of a JSON array',
      begin: '[{"id": 1}, "',
      piece: megabyte,
      megabytes: 8,
    },
    decode: (bytes) =>
      elementsAt(bytes, {
        path: keyPath([]),
        parse: parseJson,
        maxPieceBytes: 8 * megabyte.length,
      }),
  },
  {
    what: 'a line of JSON',
    begin: 'first\n',
    piece: megabyte,
    megabytes: 128,
    decode: lineBatches,
  },
  {
    what: 'a line of text',
    begin: 'first\n',
    piece: megabyte,
    megabytes: 128,
    decode: (bytes) => iterableDecoder().decode(response(bytes)),
  },
  {
    what: 'a row of a CSV',
    begin: 'a,b\n1,2\n',
    piece: fields,
    megabytes: 128,
    decode: csvParser({}),
  },
]

test.each(usually(1, decoders))(
  '$what that never ends fails after $megabytes MB, as a limit that another attempt would meet again, after what came before',
  async ({ begin, piece, megabytes, decode }) => {
    const asked = { megabytes: 0 }
    let before = 0
    const reading = async (): Promise<void> => {
      for await (const values of decode(endless(begin, { piece, asked }))) before += values.length
    }
    await expect(reading()).rejects.toMatchObject({
      name: 'TransportError',
      kind: 'limit',
      message: expect.stringContaining(`larger than ${String(megabytes)} MB`) as unknown,
    })
    expect(before).toBe(1)
    expect(asked.megabytes).toBeGreaterThanOrEqual(megabytes - 1)
    expect(asked.megabytes).toBeLessThan(megabytes + 12)
  },
)
