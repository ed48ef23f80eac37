import avro from 'avsc'
import { forAvsc } from '../../../protocol/avro/decode-block.ts'
import { describe, expect, it } from 'vitest'
import {
  canonicalForm,
  fingerprintOf,
  recordSchemaOf,
  wireSchema,
  type WireSchema,
  type AvroSchema,
  type Column,
  columnKinds,
} from '../../../protocol/index.ts'

describe('the fingerprint of a schema', () => {
  // Vectors of the Avro project: share/test/data/schema-tests.txt (signed 64-bit decimals there).
  it.each<[AvroSchema, string, bigint]>([
    ['null', '"null"', 7195948357588979594n],
    [{ type: 'boolean' }, '"boolean"', -6970731678124411036n],
    ['int', '"int"', 8247732601305521295n],
    [{ type: 'long', logicalType: 'timestamp-micros' }, '"long"', -3434872931120570953n],
    ['string', '"string"', -8142146995180207161n],
    [[], '[]', -1241056759729112623n],
    [['int', { type: 'boolean' }], '["int","boolean"]', 5392556393470105090n],
    [
      { fields: [], type: 'record', name: 'foo', namespace: 'x.y' },
      '{"name":"x.y.foo","type":"record","fields":[]}',
      5916914534497305771n,
    ],
    [
      { fields: [], type: 'record', name: 'a.b.foo', namespace: 'x.y' },
      '{"name":"a.b.foo","type":"record","fields":[]}',
      -4616218487480524110n,
    ],
    [
      { fields: [], type: 'record', name: 'foo', doc: 'Useful info' },
      '{"name":"foo","type":"record","fields":[]}',
      -4824392279771201922n,
    ],
    [
      { fields: [{ type: { type: 'boolean' }, name: 'f1' }], type: 'record', name: 'foo' },
      '{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"}]}',
      7843277075252814651n,
    ],
    [
      { namespace: 'x.y.z', type: 'enum', name: 'foo', symbols: ['A1', 'A2'] },
      '{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}',
      -4448647247586288245n,
    ],
    [
      { namespace: 'x.y.z', type: 'fixed', name: 'foo', size: 32 },
      '{"name":"x.y.z.foo","type":"fixed","size":32}',
      -3064184465700546786n,
    ],
    [
      { items: { type: 'null' }, type: 'array' },
      '{"type":"array","items":"null"}',
      -589620603366471059n,
    ],
    [{ values: 'string', type: 'map' }, '{"type":"map","values":"string"}', -8732877298790414990n],
    [
      {
        name: 'PigValue',
        type: 'record',
        fields: [{ name: 'value', type: ['null', 'int', 'long', 'PigValue'] }],
      },
      '{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}',
      -1759257747318642341n,
    ],
  ])('of %j is that of the Avro specification', (schema, canonical, signed) => {
    expect(canonicalForm(schema)).toBe(canonical)
    expect(fingerprintOf(schema).hex).toBe(
      BigInt.asUintN(64, signed).toString(16).padStart(16, '0'),
    )
  })

  it('stands in a message with the least significant byte first', () => {
    expect(fingerprintOf('null').hex).toBe('63dd24e7cc258f8a')
    expect(Buffer.from(fingerprintOf('null').bytes).toString('hex')).toBe('8a8f25cce724dd63')
  })
})

describe('the wire schema of a stream', () => {
  const columns = columnKinds.map((kind): Column => ({ name: `a_${kind}`, kind }))

  it('is one that Avro implementations accept', () => {
    const { blockSchema } = wireSchema({ namespace: 'shop', name: 'orders' }, columns)
    const type = avro.Type.forSchema(forAvsc(blockSchema))
    expect(JSON.stringify(type.schema())).toBe(canonicalForm(blockSchema))
  })

  it('gives names that Avro does not allow legal and different ones, and keeps the originals', () => {
    const names = [
      'a b',
      'a-b',
      'a_b',
      '',
      '7',
      '__proto__',
      '_airbyte_overflow',
      'é',
      'x'.repeat(100),
    ]
    const schema = recordSchemaOf(
      { name: 'odd' },
      names.map((name) => ({ name, kind: 'string' })),
    )
    const fields = schema.fields.slice(3)
    expect(fields.map((field) => field.original_name)).toEqual(names)
    const given = schema.fields.map((field) => field.name)
    expect(new Set(given).size).toBe(given.length)
    for (const name of given) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/)
    expect(fields[2]?.name).toBe('a_b')
    avro.Type.forSchema(forAvsc(schema))
  })

  it('makes names as docs/topics.md says, which are not stable, so that the originals and the fingerprint tell', () => {
    const schemaOf = (names: readonly string[]): WireSchema =>
      wireSchema(
        { name: '1 odd', namespace: 'a.b' },
        names.map((name) => ({ name, kind: 'string' })),
      )
    const namesOf = ({ recordSchema }: WireSchema): string[] =>
      recordSchema.fields.slice(3).map(({ name }) => name)
    const odd = ['a b', 'a-b', '1x', '', '__proto__', '_airbyte_extracted_at', 'ok']
    expect(namesOf(schemaOf(odd))).toEqual([
      ...['a_b', 'a_b_2', '_1x', '_', '__2', '_airbyte_extracted_at_2', 'ok'],
    ])
    const [before, after] = [schemaOf(['a b', 'a-b']), schemaOf(['a-b'])]
    expect(namesOf(after)).toEqual(['a_b'])
    expect(schemaOf(['a b']).recordFingerprint).not.toEqual(after.recordFingerprint)
    expect(before.recordSchema.name).toBe('_1_odd')
    expect(before.recordSchema.namespace).toMatch(/^connect\.v[0-9a-f]{16}\.a_b$/)
  })

  it.each([
    ['another kind of the same physical type', 'a', 'integer', 'a', 'timestamptz'],
    ['another name that is written the same', 'a-b', 'string', 'a.b', 'string'],
  ] as const)('has another fingerprint for %s', (...[, name, kind, otherName, otherKind]) => {
    const schema = wireSchema({ name: 's' }, [{ name, kind }])
    const other = wireSchema({ name: 's' }, [{ name: otherName, kind: otherKind }])
    expect(schema.fingerprint.hex).not.toBe(other.fingerprint.hex)
    expect(schema.recordSchema.name).toBe(other.recordSchema.name)
  })

  it('tells a stream without a namespace from one whose namespace is empty', () => {
    const without = wireSchema({ name: 's' }, [])
    const empty = wireSchema({ namespace: '', name: 's' }, [])
    expect(without.fingerprint.hex).not.toBe(empty.fingerprint.hex)
  })
})
