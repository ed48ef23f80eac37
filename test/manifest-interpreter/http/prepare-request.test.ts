import { describe, expect, it } from 'vitest'
import {
  header,
  prepareRequest,
  setHeader,
  type RequestParts,
} from '../../../manifest-interpreter/http/prepare-request.ts'
import { PyFloat, type Dict } from '../../../manifest-interpreter/value/value.ts'

function prepared(parts: Partial<RequestParts>): ReturnType<typeof prepareRequest> {
  return prepareRequest({
    method: 'post',
    url: 'https://api.test/x',
    headers: {},
    params: {},
    ...parts,
  })
}

describe('a prepared request', () => {
  it('has its method in upper case and no headers but those given', () => {
    expect(prepared({ headers: { a: 1, b: true } })).toEqual({
      method: 'POST',
      url: 'https://api.test/x',
      headers: new Map([
        ['a', '1'],
        ['b', 'True'],
      ]),
      body: null,
    })
  })

  it('has JSON as Python writes it', () => {
    const bodies: readonly (readonly [Dict, string])[] = [
      [{ a: 1, b: [true, null], c: { d: 'x' } }, '{"a": 1, "b": [true, null], "c": {"d": "x"}}'],
      [{ ü: '😀', f: new PyFloat(1) }, '{"\\u00fc": "\\ud83d\\ude00", "f": 1.0}'],
      [{ big: 12345678901234567890n, e: 1e-7 }, '{"big": 12345678901234567890, "e": 1e-07}'],
    ]
    for (const [bodyJson, body] of bodies) {
      const request = prepared({ bodyJson })
      expect(request.body).toBe(body)
      expect(header(request.headers, 'content-type')).toBe('application/json')
    }
  })

  it('keeps the content type that is given', () => {
    const request = prepared({
      bodyData: { a: 'x y', b: ['1', '2'] },
      headers: { 'content-type': 'x/y' },
    })
    expect(request.body).toBe('a=x+y&b=1&b=2')
    expect([...request.headers]).toEqual([['content-type', 'x/y']])
  })

  it('sends a text as it is, without a content type', () => {
    const request = prepared({ bodyData: 'ü=1' })
    expect(request.body).toBe('ü=1')
    expect(request.headers.size).toBe(0)
  })

  it('has no body of empty dicts', () => {
    expect(prepared({ bodyData: {}, bodyJson: {} }).body).toBeNull()
  })

  it('refuses numbers that are not JSON', () => {
    expect(() => prepared({ bodyJson: { a: [NaN] } })).toThrow(/not JSON compliant/)
  })

  it('refuses headers that would break the request, without showing their values', () => {
    expect(() => prepared({ headers: { Authorization: 'Bearer secret\r\nX: y' } })).toThrow(
      /^The header Authorization has an invalid value: it begins with a blank or holds a line break\.$/,
    )
    expect(() => prepared({ headers: { 'a:b': 'x' } })).toThrow(/invalid name/)
    expect(() => prepared({ headers: { a: ' x' } })).toThrow(/begins with a blank/)
  })

  it('has one header of a name, in whatever case it is set', () => {
    const headers = new Map([['authorization', 'a']])
    setHeader(headers, 'Authorization', 'b')
    expect([...headers]).toEqual([['Authorization', 'b']])
  })
})
