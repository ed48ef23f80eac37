import fc from 'fast-check'
import { expect, test } from 'vitest'
import { getShared, mappingProblem, putOwn, type FieldLens } from '../../../sinks/two-way/lens.ts'

const word = fc.constantFrom('Open', 'New', 'Closed', 'open', 'closed', 'done')
const lens = fc.record({
  kind: fc.constant('values' as const),
  pairs: fc.array(fc.tuple(word, word), { maxLength: 5 }),
  passes: fc.boolean(),
})

function isRefused(candidate: FieldLens): boolean {
  const found = mappingProblem([{ name: 'status', own: 'Status', lens: candidate }])
  if (found !== undefined) expect(found.field).toBe('status')
  return found !== undefined
}

/** A pair of values for which one of the laws does not hold. */
function breaksLaw(candidate: FieldLens, before: string, value: string): boolean {
  const shared = getShared(candidate, before)
  const isGetPut = shared === undefined || putOwn(candidate, shared, before) === before
  const own = putOwn(candidate, value, before)
  const isPutGet = own === undefined || getShared(candidate, own) === value
  return !isGetPut || !isPutGet
}

test('a mapping that is not refused obeys the laws for all values', () => {
  fc.assert(
    fc.property(lens, fc.oneof(word, fc.string()), fc.oneof(word, fc.string()), (...given) => {
      const [candidate, before, value] = given
      fc.pre(!isRefused(candidate))
      expect(breaksLaw(candidate, before, value)).toBe(false)
    }),
    { numRuns: 3_000 },
  )
})

test('a mapping that is refused breaks a law, or gives a value two meanings', () => {
  const words = ['Open', 'New', 'Closed', 'open', 'closed', 'done']
  fc.assert(
    fc.property(lens, (candidate) => {
      fc.pre(isRefused(candidate))
      const { pairs } = candidate
      const isAmbiguous = pairs.some(([own, shared]) =>
        pairs.some(([left, right]) => left === own && right !== shared),
      )
      const breaks = words.some((before) =>
        words.some((value) => breaksLaw(candidate, before, value)),
      )
      expect(isAmbiguous || breaks).toBe(true)
    }),
    { numRuns: 3_000 },
  )
})

test('several own values for one shared value are lawful: the one that the record has stays', () => {
  const status = {
    kind: 'values',
    passes: false,
    pairs: [
      ['Open', 'open'],
      ['New', 'open'],
      ['Closed', 'closed'],
    ],
  } as const
  expect(mappingProblem([{ name: 'status', own: 'Status', lens: status }])).toBeUndefined()
  expect(putOwn(status, 'open', 'New')).toBe('New')
  expect(putOwn(status, 'open', 'Closed')).toBe('Open')
  expect(putOwn(status, 'unknown', 'Closed')).toBeUndefined()
})

test('two fields that are written into one, and a constant beside other values, are refused by name', () => {
  const same = { kind: 'same' } as const
  expect(
    mappingProblem([
      { name: 'title', own: 'Name', lens: same },
      { name: 'label', own: 'Name', lens: same },
    ]),
  ).toMatchObject({
    field: 'label',
    problem: expect.stringContaining('it is written into Name, as title is') as string,
  })
  const constant = [
    { name: 'kind', own: 'Type', lens: { kind: 'constant', value: 'Partner' } },
  ] as const
  expect(mappingProblem(constant)).toMatchObject({
    field: 'kind',
    problem: expect.stringContaining('Type is always "Partner"') as string,
  })
  expect(mappingProblem(constant, { Type: 'Partner' })).toBeUndefined()
})
