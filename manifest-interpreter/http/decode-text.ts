import { Buffer } from 'node:buffer'

/**
 * The text of a body as Python's `requests` decodes it: by the charset of the content type, by its kind, or
 * guessed.
 */
export function decodeText(bytes: Uint8Array, contentType: string | undefined): string {
  const charset = charsetOf(contentType)
  return decode(bytes, charset ?? guessCharset(bytes))
}

/** The text of a JSON body: UTF-8, -16 or -32 by its first bytes, if the content type names no charset. */
export function decodeJsonText(bytes: Uint8Array, contentType: string | undefined): string {
  if (charsetOf(contentType) !== undefined || bytes.length <= 3)
    return decodeText(bytes, contentType)
  const charset = jsonCharset(bytes)
  if (charset === undefined) return decodeText(bytes, contentType)
  try {
    return decode(bytes, charset, { fatal: true })
  } catch (error) {
    if (error instanceof TypeError) return decodeText(bytes, contentType)
    throw error
  }
}

/** The charset that a content type names or implies; undefined if the body has to be looked at. */
export function charsetOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || contentType === '') return undefined
  const [type = '', ...parameters] = contentType.split(';')
  let charset: string | undefined
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=')
    if (equals < 0) continue
    const name = parameter.slice(0, equals).replaceAll(/^["' ]+|["' ]+$/g, '')
    if (name.trim().toLowerCase() === 'charset')
      charset = parameter.slice(equals + 1).replaceAll(/^["'\s]+|["'\s]+$/g, '')
  }
  if (charset !== undefined) return charset
  if (type.includes('text')) return 'iso-8859-1'
  if (type.includes('application/json')) return 'utf-8'
  return undefined
}

function decode(bytes: Uint8Array, charset: string, options: { fatal?: boolean } = {}): string {
  const name = charset.toLowerCase().replaceAll('_', '-')
  // TextDecoder takes Latin-1 for Windows-1252.
  if (/^(iso-?8859-?1|latin-?1|l1|cp819|ibm819)$/.test(name))
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (name.startsWith('utf-32') || name.startsWith('utf32'))
    return decodeUtf32(bytes, !name.endsWith('be'))
  if (name === 'utf-8-sig') return new TextDecoder('utf-8', options).decode(bytes)
  return textDecoder(name, options).decode(bytes)
}

/**
 * Python retains a byte order mark of UTF-8 and drops that of UTF-16. An unknown charset is taken for UTF-8.
 */
function textDecoder(name: string, options: { fatal?: boolean }): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(name.replace(/^cp(\d+)$/, 'windows-$1').replace('utf-16-', 'utf-16'), {
      ...options,
      ignoreBOM: !name.startsWith('utf-16'),
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return new TextDecoder('utf-8', { ...options, ignoreBOM: true })
  }
}

function decodeUtf32(bytes: Uint8Array, littleEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let text = ''
  for (let position = 0; position + 4 <= bytes.length; position += 4) {
    const point = view.getUint32(position, littleEndian)
    if (position === 0 && point === 0xfeff) continue
    text += point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point)
  }
  return text
}

/**
 * The first bytes that identify a charset: a byte order mark, or the zeros beside the ASCII of JSON's first
 * characters.
 */
const JSON_CHARSETS: readonly (readonly [pattern: RegExp, charset: string])[] = [
  [/^fffe0000/, 'utf-32'],
  [/^0000feff/, 'utf-32-be'],
  [/^efbbbf/, 'utf-8-sig'],
  [/^fffe/, 'utf-16'],
  [/^feff/, 'utf-16-be'],
  [/^(?:(?!00)..){4}/, 'utf-8'],
  [/^00(?!00)..00(?!00)../, 'utf-16-be'],
  [/^(?!00)..00(?!00)..00/, 'utf-16-le'],
  [/^000000(?!00)../, 'utf-32-be'],
  [/^(?!00)..000000/, 'utf-32-le'],
]

function jsonCharset(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 4)).toString('hex')
  return JSON_CHARSETS.find(([pattern]) => pattern.test(start))?.[1]
}

/**
 * The reference asks a statistical detector here. Bodies are UTF-8 or a Western European one-byte charset in
 * practice.
 */
function guessCharset(bytes: Uint8Array): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8-sig'
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16-be'
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return 'utf-8'
  } catch (error) {
    if (error instanceof TypeError) return 'windows-1252'
    throw error
  }
}
