import { expect, test } from 'vitest'
import { isLong } from '../../support/long.ts'
import { planner, playHistory, type Planner } from './planner-world.ts'

const firstSeed = Number(process.env.TWOWAY_FIRST_SEED ?? 1)
const histories = Number(process.env.TWOWAY_HISTORIES ?? (isLong ? 10_000 : 400))
const steps = 60

test('histories of edits, deletes, faults and crashes converge and lose nothing', () => {
  const failed: string[] = []
  for (let seed = firstSeed; seed <= histories && failed.length < 5; seed++) {
    const found = playHistory({ seed, planner, steps })
    if (found.length > 0) failed.push(`seed ${String(seed)}: ${found.join('; ')}`)
  }
  expect(failed).toEqual([])
})

// A restore without a result, while a person brings the record back as it was before an edit.
test.each([11_706])('the history of seed %i loses nothing', (seed) => {
  expect(playHistory({ seed, planner, steps })).toEqual([])
})

const wrongDesigns: Readonly<Record<string, Planner>> = {
  'changes are filtered by their actor': {
    ...planner,
    decide: (link, reads, context, actors) => {
      const ignoreOwn = (side: 'a' | 'b'): (typeof reads)['a'] => {
        const read = reads[side]
        const { base } = link[side]
        const isOurs = actors[side] === 'sync' || actors[side] === 'automation'
        return read.found === 'present' && base !== null && isOurs
          ? { ...read, values: base }
          : read
      }
      return planner.decide(link, { a: ignoreOwn('a'), b: ignoreOwn('b') }, context, actors)
    },
  },
  'the last write wins without a base': {
    ...planner,
    decide: (link, reads, context, actors) => {
      const withoutBase = { ...link, a: { ...link.a, base: null }, b: { ...link.b, base: null } }
      const rules = { rule: 'last_write_wins', fields: {} } as const
      const decision = planner.decide(withoutBase, reads, { ...context, rules }, actors)
      return { ...decision, conflicts: [] }
    },
  },
  'there is no write log': {
    ...planner,
    settle: (link, side) => {
      return {
        ...{ link: { ...link, [side]: { ...link[side], write: null } } },
        ...{ isApplied: false, isSettled: true, isUnclear: false },
      }
    },
    decide: (link, reads, context, actors) => {
      const forgetful = {
        ...link,
        a: { ...link.a, replaced: [] },
        b: { ...link.b, replaced: [] },
      }
      return planner.decide(forgetful, reads, context, actors)
    },
  },
  'references are not translated': { ...planner, translates: false },
}

test.each(Object.entries(wrongDesigns))('it finds a design in which %s', (_name, mutant) => {
  let killedBy: number | undefined
  for (let seed = 1; seed <= 400 && killedBy === undefined; seed++)
    if (playHistory({ seed, planner: mutant, steps }).length > 0) killedBy = seed
  expect(killedBy).toBeDefined()
})
