import { TextDecoder } from 'node:util'
import { DecodeError } from './decode-error.ts'

/** Texts of a body as they arrive, decoded as Python's strict codecs do. Chunks may end anywhere. */
export async function* decodeChunks(
  bytes: AsyncIterable<Uint8Array>,
  encoding: string,
): AsyncIterable<string> {
  const decode = textDecoder(encoding)
  for await (const chunk of bytes) {
    const text = decode(chunk, 'more')
    if (text !== '') yield text
  }
  const rest = decode(new Uint8Array(0), 'last')
  if (rest !== '') yield rest
}

/** The name of a charset for a TextDecoder, `latin-1` or `ascii`. */
export function pythonCharset(encoding: string): string {
  const name = encoding
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
  return (
    aliases.get(name) ??
    name.replace(/^(?:cp|windows-?)(\d+)$/, 'windows-$1').replace(/^iso(?=8859)/, 'iso-')
  )
}

const aliases: ReadonlyMap<string, string> = new Map([
  ...['utf-8', 'utf8', 'u8', 'utf', 'cp65001'].map((name) => [name, 'utf-8'] as const),
  ...['latin-1', 'latin1', 'iso-8859-1', 'iso8859-1', '8859', 'cp819', 'l1', 'latin'].map(
    (name) => [name, 'latin-1'] as const,
  ),
  ...['ascii', 'us-ascii', '646'].map((name) => [name, 'ascii'] as const),
  ...['utf-16-le', 'utf-16le'].map((name) => [name, 'utf-16le'] as const),
  ...['utf-16-be', 'utf-16be'].map((name) => [name, 'utf-16be'] as const),
  ...['utf-16', 'utf16', 'u16'].map((name) => [name, 'utf-16'] as const),
  ['utf-8-sig', 'utf-8-sig'],
  ['cp932', 'shift_jis'],
  ['shift-jis', 'shift_jis'],
  ['cp949', 'euc-kr'],
  ['cp950', 'big5'],
  ['cp936', 'gbk'],
])

type Decode = (bytes: Uint8Array, part: 'more' | 'last') => string

function textDecoder(encoding: string): Decode {
  const charset = pythonCharset(encoding)
  if (charset === 'latin-1') return (bytes) => Buffer.from(bytes).toString('latin1')
  if (charset === 'ascii') return asciiDecoder
  if (charset === 'utf-16') return utf16Decoder()
  const decoder =
    charset === 'utf-8-sig'
      ? newDecoder('utf-8', { ignoreBOM: false })
      : newDecoder(charset, { ignoreBOM: true })
  if (decoder === undefined)
    throw new DecodeError(
      'LookupError',
      `The encoding ${encoding} is unknown. Set the encoding of the decoder to one that Python knows, such as utf-8.`,
    )
  return strict(decoder, encoding)
}

function newDecoder(
  charset: string,
  options: { readonly ignoreBOM: boolean },
): TextDecoder | undefined {
  try {
    return new TextDecoder(charset, { ...options, fatal: true })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function strict(decoder: TextDecoder, encoding: string): Decode {
  return (bytes, part) => {
    try {
      return decoder.decode(bytes, { stream: part === 'more' })
    } catch (cause) {
      throw undecodable(encoding, cause)
    }
  }
}

function asciiDecoder(bytes: Uint8Array): string {
  if (bytes.some((byte) => byte > 127)) throw undecodable('ascii')
  return Buffer.from(bytes).toString('latin1')
}

/** By its byte order mark; without one the machine's order, which is taken to be little endian. */
function utf16Decoder(): Decode {
  let head: Uint8Array = new Uint8Array(0)
  let decode: Decode | undefined
  return (bytes, part) => {
    if (decode !== undefined) return decode(bytes, part)
    head = Buffer.concat([head, bytes])
    if (head.length < 2 && part === 'more') return ''
    const charset = head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-16le'
    decode = strict(new TextDecoder(charset, { fatal: true }), 'utf-16')
    return decode(head, part)
  }
}

function undecodable(encoding: string, cause?: unknown): DecodeError {
  return new DecodeError(
    'UnicodeDecodeError',
    `The response is not in the encoding ${encoding}. Set the encoding of the decoder.`,
    { cause },
  )
}
