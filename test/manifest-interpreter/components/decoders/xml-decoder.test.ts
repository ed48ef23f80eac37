import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  xmlDecoder,
  xmlTree,
} from '../../../../manifest-interpreter/components/decoders/xml-decoder.ts'
import { all, response } from '../body.ts'

describe('XmlDecoder gives what xmltodict gives', () => {
  test.each<[string, unknown]>([
    ['<a/>', { a: null }],
    ['<a> </a>', { a: null }],
    ['<a>\n x \n</a>', { a: 'x' }],
    ['<a b="1">t</a>', { a: { '@b': '1', '#text': 't' } }],
    ['<a><b/><b>1</b><b c="2"/></a>', { a: { b: [null, '1', { '@c': '2' }] } }],
    ['<a>x<b/>y</a>', { a: { b: null, '#text': 'xy' } }],
    ['<a><![CDATA[ <z> ]]></a>', { a: '<z>' }],
    ['<a>&lt;&#65;&amp;</a>', { a: '<A&' }],
    [
      '<a xmlns="u" xmlns:p="v"><p:b p:c="1"/></a>',
      { a: { '@xmlns': 'u', '@xmlns:p': 'v', 'p:b': { '@p:c': '1' } } },
    ],
    ['<!-- c --><a><!-- d -->x</a>', { a: 'x' }],
    ['<a>\u00a0x\u0085</a>', { a: 'x' }],
    ['<a>\ufeffx</a>', { a: '\ufeffx' }],
  ])('%s', (document, tree) => {
    expect(xmlTree(document)).toEqual(tree)
  })

  test.each([
    '',
    'text',
    '<a',
    '<a></b>',
    '<a/><b/>',
    '<a>&no;</a>',
    '<a b="1" b="2"/>',
    '<a>\x01</a>',
    ' <?xml version="1.0"?><a/>',
  ])('nothing for what is not well-formed: %j', (document) => {
    expect(xmlTree(document)).toBeUndefined()
  })

  test('entities that a document declares are left out, so that none can grow', () => {
    expect(xmlTree('<!DOCTYPE a [<!ENTITY e "boo">]><a>x&e;y</a>')).toEqual({ a: 'xy' })
    expect(xmlTree('<!DOCTYPE a SYSTEM "http://x/y.dtd"><a>&e;</a>')).toEqual({ a: null })
    expect(xmlTree('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>')).toEqual({
      a: null,
    })
    const bomb = '<!DOCTYPE a [<!ENTITY e "ha"><!ENTITY f "&e;&e;&e;">]><a>&f;&f;</a>'
    expect(xmlTree(bomb)).toEqual({ a: null })
  })

  test('and takes names of host objects for names', () => {
    const tree = xmlTree('<__proto__><constructor>1</constructor></__proto__>')
    expect(JSON.stringify(tree)).toBe('{"__proto__":{"constructor":"1"}}')
    expect(xmlTree('<a>&constructor;</a>')).toBeUndefined()
  })

  test('and reads a deep document without a deep stack', () => {
    const depth = 20_000
    expect(xmlTree('<a>'.repeat(depth) + '</a>'.repeat(depth))).toHaveProperty('a.a.a')
  })
})

test('XmlDecoder takes a broken body for an empty one, and lets a paginator see the tree', async () => {
  const decoder = xmlDecoder()
  expect(await all(decoder.decode(response('<a>')))).toEqual([{}])
  expect(await decoder.whole(response('<a>1</a>'))).toEqual({ a: '1' })
})

describe('any text', () => {
  const piece = fc.constantFrom(
    ...'<a>|</a>|<b c="1">|</b>|<a/>|<|>|/|"|&lt;|&#65;|&#xffffff;|&x;|&|;|<![CDATA[|]]>|<!--|-->|<?p|?>|x'.split(
      '|',
    ),
    ...[
      '<!DOCTYPE a [',
      '<!ENTITY x "y">',
      '<!ENTITY % p SYSTEM "u">',
      ']>',
      '<!DOCTYPE a SYSTEM "u">',
    ],
    ...[
      '\u0000',
      '\ufeff',
      '\ud800',
      'é',
      ' ',
      '\n',
      '<?xml version="1.1"?>',
      '<__proto__>',
      '</__proto__>',
    ],
  )

  test('is a tree, or no document', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const tree = xmlTree(pieces.join(''))
        expect(tree === undefined || typeof tree === 'object').toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('made of any bytes gives values', async () => {
    const decoder = xmlDecoder()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
        expect(await all(decoder.decode(response(bytes)))).toHaveLength(1)
      }),
    )
  })
})
