import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  parseStreamLabel,
  quotedStreamLabel,
  splitStreamLabels,
  streamIdOf,
  streamKey,
  streamLabel,
  type StreamId,
} from '../../protocol/index.ts'

/** Short parts of the characters that labels are made of, so that collisions would be found. */
const part = fc.string({ unit: fc.constantFrom('a', 'b', '.', '"', ',', ' ', 'é'), maxLength: 4 })
const anyStream: fc.Arbitrary<StreamId> = fc.oneof(
  fc.record({ name: part }),
  fc.record({ namespace: part, name: part }),
)

describe('the identity of a stream', () => {
  test('two streams share neither a key nor a label', () => {
    fc.assert(
      fc.property(anyStream, anyStream, (left, right) => {
        const isSame = left.name === right.name && left.namespace === right.namespace
        expect(streamKey(left) === streamKey(right)).toBe(isSame)
        expect(streamLabel(left) === streamLabel(right)).toBe(isSame)
        expect(quotedStreamLabel(left) === quotedStreamLabel(right)).toBe(isSame)
      }),
    )
  })

  test('an absent namespace is the same as null, and another one than the empty one', () => {
    expect(streamKey({ name: 'a', namespace: null })).toBe(streamKey({ name: 'a' }))
    expect(streamIdOf({ name: 'a', namespace: null })).toEqual({ name: 'a' })
    expect(streamKey({ name: 'a', namespace: '' })).not.toBe(streamKey({ name: 'a' }))
    expect(streamIdOf({ name: 'a', namespace: '' })).toEqual({ name: 'a', namespace: '' })
  })
})

describe('the label of a stream', () => {
  test.each<[StreamId, string]>([
    [{ name: 'orders' }, 'orders'],
    [{ namespace: 'public', name: 'orders' }, 'public.orders'],
    [{ namespace: 'a', name: 'b.c' }, 'a."b.c"'],
    [{ namespace: 'a.b', name: 'c' }, '"a.b".c'],
    [{ name: 'a.b' }, '"a.b"'],
    [{ namespace: '', name: 'say "x"' }, '""."say ""x"""'],
    [{ name: 'a,b' }, '"a,b"'],
  ])('%j is %s', (stream, label) => {
    expect(streamLabel(stream)).toBe(label)
  })

  test('a label with a quoted part is read as its stream', () => {
    fc.assert(
      fc.property(anyStream, (stream) => {
        expect(parseStreamLabel(quotedStreamLabel(stream))).toEqual(stream)
        const label = streamLabel(stream)
        expect(parseStreamLabel(label)).toEqual(label.includes('"') ? stream : undefined)
      }),
    )
  })

  test.each(['a.b', 'a', '', 'a"b', '"a', '"a"b', 'a.b."c"'])(
    '%j is not a quoted label',
    (text) => {
      expect(parseStreamLabel(text)).toBeUndefined()
    },
  )

  test('a list of labels is split at the commas between them', () => {
    expect(splitStreamLabels(' a, public.b ,"a,b"."c",, ')).toEqual(['a', 'public.b', '"a,b"."c"'])
    fc.assert(
      fc.property(fc.array(anyStream, { minLength: 1 }), (streams) => {
        const labels = streams.map(quotedStreamLabel)
        expect(splitStreamLabels(labels.join(','))).toEqual(labels)
      }),
    )
  })
})
