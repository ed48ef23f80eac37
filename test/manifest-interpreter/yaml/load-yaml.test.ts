import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PyDate, PyDateTime } from '../../../manifest-interpreter/value/py-datetime.ts'
import { get, isDict, keys } from '../../../manifest-interpreter/value/dict.ts'
import { PyFloat, PySet, PyTuple } from '../../../manifest-interpreter/value/value.ts'
import { loadYaml } from '../../../manifest-interpreter/yaml/load-yaml.ts'
import { YamlError } from '../../../manifest-interpreter/yaml/yaml-error.ts'

function scalar(text: string): unknown {
  const read = loadYaml(`- ${text}`)
  return Array.isArray(read) ? read[0] : undefined
}

function errorOf(text: string): YamlError {
  try {
    loadYaml(text)
  } catch (error) {
    if (error instanceof YamlError) return error
    throw error
  }
  throw new TypeError(`"${text}" was read.`)
}

describe('unquoted scalars', () => {
  it.each([
    ['yes', true],
    ['Off', false],
    ['y', 'y'],
    ['nUll', 'nUll'],
    ['~', null],
    ['017', 15],
    ['0o17', '0o17'],
    ['09', '09'],
    ['0b101', 5],
    ['-0x1f', -31],
    ['1_000', 1000],
    ['1:30', 90],
    ['190:20:30', 685_230],
    ['190:20:30.15', 685_230.15],
    ['1e3', '1e3'],
    ['1.5e+3', new PyFloat(1500)],
    ['1.0', new PyFloat(1)],
    ['-.5', '-.5'],
    ['.inf', new PyFloat(Infinity)],
    ['12345678901234567890', 12_345_678_901_234_567_890n],
    ['2020-01-01', new PyDate(2020, 1, 1)],
  ])('%s is read as PyYAML reads it', (text, value) => {
    const read = scalar(text)
    if (value instanceof PyFloat && !Number.isFinite(value.value)) expect(read).toBe(value.value)
    else expect(read).toStrictEqual(value)
  })

  it('a time keeps its zone and its microseconds', () => {
    const read = scalar('2001-12-14t21:59:43.1234567-05:00')
    expect(read).toBeInstanceOf(PyDateTime)
    expect(read).toMatchObject({ microsecond: 123_456, offset: -18_000 })
  })

  it('quotes and block scalars make a text of anything', () => {
    expect(loadYaml('a: "1"\nb: \'yes\'\nc: |\n  1\n')).toStrictEqual({
      a: '1',
      b: 'yes',
      c: '1\n',
    })
  })

  it('a block scalar at the end of the text gets no line break that is not there', () => {
    expect(loadYaml('a: |\n  x')).toStrictEqual({ a: 'x' })
  })
})

describe('tags', () => {
  it('name the type', () => {
    expect(loadYaml('- !!str 5\n- !!int "5"\n- !!float 3\n- !!null x\n- ! 5')).toStrictEqual([
      '5',
      5,
      new PyFloat(3),
      null,
      5,
    ])
  })

  it('make sets, pairs and bytes', () => {
    expect(loadYaml('- !!set {a, b}\n- !!pairs [a: 1, a: 2]\n- !!binary aGk=')).toStrictEqual([
      new PySet(['a', 'b']),
      [new PyTuple(['a', 1]), new PyTuple(['a', 2])],
      new Uint8Array([104, 105]),
    ])
  })

  it('that are not known are refused, with their place', () => {
    expect(errorOf('a: 1\nb: !!python/object:os.system x')).toMatchObject({ line: 2, column: 30 })
  })
})

describe('mappings', () => {
  it('the last of equal keys wins', () => {
    expect(loadYaml('a: 1\nb: 2\na: 3')).toStrictEqual({ a: 3, b: 2 })
  })

  it('keys that are no text, or that objects would reorder, make a Map', () => {
    const read = loadYaml('b: 0\n1: x\ntrue: y\nnull: z')
    expect(read).toStrictEqual(
      new Map<unknown, unknown>([
        ['b', 0],
        [1, 'y'],
        [null, 'z'],
      ]),
    )
    expect(loadYaml('"10": a\n"9": b')).toStrictEqual(
      new Map([
        ['10', 'a'],
        ['9', 'b'],
      ]),
    )
  })

  it('a key called __proto__ is a key like others', () => {
    const read = loadYaml('__proto__: {polluted: true}\na: 1')
    expect(isDict(read) && keys(read)).toStrictEqual(['__proto__', 'a'])
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })

  it('merged entries come first, and those of the mapping win', () => {
    const read = loadYaml('base: &base {x: 1, y: 2}\nown:\n  y: 3\n  <<: *base\n  z: 4')
    expect(JSON.stringify(read)).toBe('{"base":{"x":1,"y":2},"own":{"x":1,"y":3,"z":4}}')
  })

  it('of merged mappings the last one wins, except for keys of one character', () => {
    const read = loadYaml('a: &a {xx: 1, y: 1}\nb: &b {xx: 2, y: 2}\nc: {<<: [*a, *b]}')
    expect(read).toMatchObject({ c: { xx: 2, y: 1 } })
  })

  it.each(['? [a]\n: 1', '<<: 1', '<<: [1]', 'a: <<', 'a: ='])('%s is refused', (text) => {
    expect(() => loadYaml(text)).toThrow(YamlError)
  })
})

describe('flows', () => {
  it.each([
    ['a: {\n  "b": 1\n}\nc: 2', { a: { b: 1 }, c: 2 }],
    ['a: [\n1,\n2\n]\nc: 2', { a: [1, 2], c: 2 }],
    ['a:\n  - "x\ny"\nc: it\'s {\n  [no flow]', { a: ['x y'], c: "it's { [no flow]" }],
    ["a:\n  b: 'it''s\n\n  so'\n", { a: { b: "it's\nso" } }],
    ['t: |\n  "{[\nf: {a: "x\n}"}', { t: '"{[\n', f: { a: 'x }' } }],
  ])('%j may continue at any indentation', (text, value) => {
    expect(loadYaml(text)).toStrictEqual(value)
  })
})

describe('documents', () => {
  it.each(['', '---', '# only a comment'])('%j is nothing', (text) => {
    expect(loadYaml(text)).toBeNull()
  })

  it('two are refused', () => {
    expect(errorOf('a: 1\n---\nb: 2').message).toContain('Expected one document')
  })

  it('an anchor and its aliases are one object', () => {
    const read = loadYaml('a: &x {p: 1}\nb: *x')
    expect(read).toMatchObject({ a: { p: 1 } })
    expect(isDict(read) && get(read, 'a') === get(read, 'b')).toBe(true)
  })

  it.each(['a: *x', 'a: &x [*x]', 'a: &x 1\nb: &x 2'])('%j is refused', (text) => {
    expect(() => loadYaml(text)).toThrow(YamlError)
  })

  it('an error says where it is', () => {
    expect(errorOf('a: 1\nb: [1, 2')).toMatchObject({ name: 'YamlError', line: 2 })
    expect(errorOf('a:\n  b: !!int x')).toMatchObject({ line: 2, column: 12 })
  })

  it.each(['[%]', '{a: {x: [%]}}'])('aliases in %s that multiply are refused at once', (node) => {
    // 9^30 values: creating them would never end.
    const lines = ['a0: &a0 [x, y]']
    for (let i = 1; i <= 30; i += 1) {
      const inside = Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')
      lines.push(`a${i}: &a${i} ${node.replace('%', inside)}`)
    }
    expect(() => loadYaml(lines.join('\n'))).toThrow('expand to more than 1,000,000 values')
  })

  it('values that are merged again and again are refused at once', () => {
    // 2^40 values: creating them would never end.
    const lines = ['a0: &a0 {k: [x, y]}']
    for (let i = 1; i <= 40; i += 1)
      lines.push(`a${i}: &a${i} {k${i}: {<<: *a${i - 1}}, l${i}: {<<: *a${i - 1}}}`)
    expect(() => loadYaml(lines.join('\n'))).toThrow('expand to more than 1,000,000 values')
  })

  it('merge keys that multiply are refused', () => {
    const entries = Array.from({ length: 300 }, (_, i) => `k${i}: ${i}`).join(', ')
    const lines = [`base: &base {${entries}}`]
    for (let i = 0; i < 1000; i++) lines.push(`m${i}: {<<: *base}`)
    expect(() => loadYaml(lines.join('\n'))).toThrow('Merge keys')
  })

  it('a nest without end is refused', () => {
    expect(() => loadYaml('['.repeat(10_000))).toThrow(YamlError)
  })
})

describe('any text', () => {
  it('is read, or refused with its place', () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        ': ',
        '\n',
        '  ',
        '- ',
        '[',
        ']',
        '{',
        '}',
        ',',
        '"',
        "'",
        '#',
        '&x',
        '*x',
        '!',
        '!!',
      ],
      ...['|', '>', '<<', '1', '.5', '---', '~', '%', '@', '\t', '\\', '=', '?', 'é', '😀', '\r\n'],
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          loadYaml(pieces.join(''))
        } catch (error) {
          expect(error).toBeInstanceOf(YamlError)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('as JSON is read as that JSON', () => {
    const key = fc.stringMatching(/^[a-z]{1,8}$/)
    const leaf = fc.oneof(
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
      fc.string({ unit: 'grapheme-ascii' }),
    )
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), (expected, indent) => {
        expect(loadYaml(JSON.stringify(expected, null, indent))).toStrictEqual(expected)
      }),
    )
  })
})
