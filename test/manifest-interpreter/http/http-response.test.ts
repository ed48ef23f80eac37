import { describe, expect, it } from 'vitest'
import { TransportError } from '../../../manifest-interpreter/contracts.ts'
import { HttpResponse } from '../../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../../manifest-interpreter/http/response-headers.ts'

function response(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: { contentType?: string; maxBytes?: number } = {},
): HttpResponse {
  const { contentType, ...rest } = options
  const headers = contentType === undefined ? [] : [['Content-Type', contentType] as const]
  return new HttpResponse({
    status: 200,
    headers: new ResponseHeaders(headers),
    url: 'https://api.test/x',
    body,
    ...rest,
  })
}

async function* chunks(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text))
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts).toString()
}

describe('the text of a response', () => {
  it('is Latin-1 where a text type names no charset', async () => {
    expect(await response(Buffer.from([0xfc, 0x80]), { contentType: 'text/csv' }).text()).toBe(
      'ü\x80',
    )
  })

  it('is decoded by the charset of the content type', async () => {
    const body = Buffer.from([0x80, 0xfc])
    expect(await response(body, { contentType: 'text/csv; charset=cp1252' }).text()).toBe('€ü')
    expect(
      await response(Buffer.from('ü'), { contentType: 'text/plain; charset="UTF-8"' }).text(),
    ).toBe('ü')
    expect(
      await response(Buffer.from('ü'), { contentType: 'text/x; charset=no-such' }).text(),
    ).toBe('ü')
  })

  it('is UTF-8 for JSON, and where it can be', async () => {
    expect(await response(Buffer.from('ü'), { contentType: 'application/json' }).text()).toBe('ü')
    expect(await response(Buffer.from('ü')).text()).toBe('ü')
    expect(await response(Buffer.from([0xfc])).text()).toBe('ü')
  })
})

describe('the JSON of a response', () => {
  it('is parsed once', async () => {
    const answer = response(chunks('{"a":', '[1]}'))
    const first = await answer.json()
    expect(first).toEqual({ a: [1] })
    expect(await answer.json()).toBe(first)
  })

  it('may be UTF-16 or UTF-32 with and without a byte order mark', async () => {
    const text = '{"ü":"😀"}'
    const utf16 = Buffer.from(text, 'utf16le')
    expect(await response(utf16).json()).toEqual({ ü: '😀' })
    expect(await response(Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])).json()).toEqual({
      ü: '😀',
    })
    const characters = Array.from(text)
    const utf32 = Buffer.alloc(characters.length * 4)
    for (const [index, character] of characters.entries())
      utf32.writeUInt32BE(character.codePointAt(0) ?? 0, index * 4)
    expect(await response(utf32).json()).toEqual({ ü: '😀' })
    expect(await response(Buffer.from(`\ufeff${text}`)).json()).toEqual({ ü: '😀' })
  })

  it('is a SyntaxError where the body is none', async () => {
    await expect(response(Buffer.from('<html>')).json()).rejects.toThrow(SyntaxError)
    await expect(response(Buffer.from('')).json()).rejects.toThrow(SyntaxError)
  })
})

describe('the body of a response', () => {
  it('is read whole and then streamed again', async () => {
    const answer = response(chunks('a', 'b'))
    expect(Buffer.from(await answer.bytes()).toString()).toBe('ab')
    expect(await collect(answer.stream())).toBe('ab')
  })

  it('that was streamed is gone', async () => {
    const answer = response(chunks('a', 'b'))
    expect(await collect(answer.stream())).toBe('ab')
    await expect(answer.bytes()).rejects.toThrow(/read already/)
  })

  it('larger than the bound is refused', async () => {
    const failure = response(chunks('aaaa', 'bbbb'), { maxBytes: 7 }).bytes()
    await expect(failure).rejects.toThrow(TransportError)
    await expect(failure).rejects.toThrow(/larger than 7 bytes/)
  })
})

describe('the headers of a response', () => {
  const headers = new ResponseHeaders([
    ['X-Rate', '5'],
    ['Set-Cookie', 'a=1'],
    ['set-cookie', 'b=2'],
    ['Link', '<https://api.test/?p=2>; rel="next", <https://api.test/?p=9>; rel=last; title="x"'],
  ])

  it('are found in any case and keep that of the wire', () => {
    expect(headers.text('x-rate')).toBe('5')
    expect(headers.has('SET-cookie')).toBe(true)
    expect([...headers.keys()]).toEqual(['X-Rate', 'Set-Cookie', 'Link'])
    expect(headers.text('set-cookie')).toBe('a=1, b=2')
  })

  it('give links by their relation', () => {
    const dict = headers.toDict()
    expect(dict['X-Rate']).toBe('5')
    expect(dict['x-rate']).toBeUndefined()
    expect(dict.link).toEqual({
      next: { url: 'https://api.test/?p=2', rel: 'next' },
      last: { url: 'https://api.test/?p=9', rel: 'last', title: 'x' },
    })
  })
})

describe('the plain JSON of a response', () => {
  const text = '{"ü":[1,"2"]}'

  it.each([
    ['that names no charset', undefined],
    ['of JSON', 'application/json'],
    ['of UTF-8', 'application/json; charset=UTF-8'],
  ])('is what json() gave, for a body %s', async (_, contentType) => {
    const plain = response(Buffer.from(text), contentType === undefined ? {} : { contentType })
    expect(plain.plainJson).toBeUndefined()
    const value = await plain.json()
    expect(value).toEqual({ ü: [1, '2'] })
    expect(plain.plainJson).toBe(value)
  })

  it.each([
    ['numbers that decoders read differently', '{"id":18446744073709551616}', undefined],
    ['another charset', text, 'application/json; charset=iso-8859-1'],
    ['text of another kind', text, 'text/html'],
    ['a byte order mark', `\ufeff${text}`, 'text/plain; charset=utf-8-sig'],
  ])('is unknown with %s', async (_, body, contentType) => {
    const other = response(Buffer.from(body), contentType === undefined ? {} : { contentType })
    await other.json()
    expect(other.plainJson).toBeUndefined()
  })

  it('is unknown where bytes are no UTF-8: a decoder refuses what json() replaces', async () => {
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')])
    const broken = response(body, { contentType: 'application/json' })
    expect(await broken.json()).toEqual({ a: '\ufffd' })
    expect(broken.plainJson).toBeUndefined()
  })
})
