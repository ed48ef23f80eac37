import { describe, expect, it } from 'vitest'
import {
  encodeForm,
  encodeTarget,
  encodeUrl,
  parseQuery,
  requote,
  withoutRepeated,
} from '../../../manifest-interpreter/http/encode-url.ts'
import { entries } from '../../../manifest-interpreter/value/dict.ts'
import { joinUrl, publicUrl } from '../../../manifest-interpreter/http/split-url.ts'
import { PyFloat, PyTuple, type Dict } from '../../../manifest-interpreter/value/value.ts'

/** The results of Python's requests 2.34 and urllib for these URLs. */
interface Vectors {
  readonly urls: readonly { url: string; params: number; expected?: string; error?: string }[]
  readonly joins: readonly { base: string; url: string; expected: string }[]
  readonly requote: readonly { url: string; expected: string }[]
}

const { default: vectors }: { default: Vectors } = await import('./url-vectors.json', {
  with: { type: 'json' },
})

const params: readonly Dict[] = [
  {},
  {
    a: 1,
    b: true,
    c: null,
    d: new PyFloat(1),
    e: new PyFloat(1e22),
    f: 'x y+z&=ü',
    g: [1, 'b', null, true],
    h: [],
    i: '',
    j: 12.5,
    k: ['x', ['y', 'z']],
  },
  { 'a b[]': '1', ß: "~*'()!-_.", t: new PyTuple([1, 2]) },
  { x: '1' },
]

describe('a URL of a request', () => {
  it('is encoded as Python requests encodes it', () => {
    const encoded = vectors.urls.map(({ url, params: index }) => {
      try {
        return encodeUrl(url, params[index] ?? {})
      } catch (error) {
        return error instanceof Error ? error.name : error
      }
    })
    expect(encoded).toEqual(vectors.urls.map(({ expected, error }) => expected ?? error))
  })

  it('is joined with a path as Python urljoin joins them', () => {
    const joined = vectors.joins.map(({ base, url }) => joinUrl(base, url))
    expect(joined).toEqual(vectors.joins.map(({ expected }) => expected))
  })

  it('keeps its valid escapes when it is quoted again', () => {
    const quoted = vectors.requote.map(({ url }) => requote(url))
    expect(quoted).toEqual(vectors.requote.map(({ expected }) => expected))
  })

  it('is shown without query, fragment and credentials', () => {
    expect(publicUrl('https://user:pw@api.test:8443/a/b?key=secret#x')).toBe(
      'https://api.test:8443/a/b',
    )
  })

  it('has brackets encoded on the wire only', () => {
    expect(encodeUrl('https://api.test/x', { 'a[]': 1 })).toBe('https://api.test/x?a%5B%5D=1')
    expect(encodeTarget('/x[1]?a[]=2')).toBe('/x%5B1%5D?a%5B%5D=2')
  })
})

describe('parameters', () => {
  it('that the URL has already are not repeated, with another value they are', () => {
    const url = 'https://api.test/x?page=2&size=10&empty='
    expect(
      Object.fromEntries(entries(withoutRepeated({ page: 2, size: '20', empty: '' }, url))),
    ).toEqual({ size: '20', empty: '' })
  })

  it('of a query are decoded, those without value are left out', () => {
    expect(parseQuery('a=1+2&b=%C3%BC%2B&c=&d&e=x=y')).toEqual([
      ['a', '1 2'],
      ['b', 'ü+'],
      ['e', 'x=y'],
    ])
  })

  it('of a form repeat a name for each item of a list', () => {
    expect(encodeForm({ a: ['x', 1, null], b: null, c: { k: 'v' } })).toBe('a=x&a=1&c=k')
  })
})
