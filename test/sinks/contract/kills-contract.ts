import { expect } from 'vitest'
import { type Loading, loadings, rowsOf, sorted, StepwiseRun, streamOf } from './contract-runs.ts'
import type { ContractCase, DestinationSubject, Place } from './subject.ts'

/**
 * A run that stops at each of its steps, and the run after it. The first one is frozen, which is worse than
 * a kill: what it has open stays open, and it wakes when the other one has ended.
 */
interface Moment {
  /** The steps up to the moment, after `startRun`. */
  readonly reach: (run: StepwiseRun) => Promise<unknown>
  /** The step that the process takes when it wakes. */
  readonly wake: (run: StepwiseRun) => Promise<unknown>
}

const source = rowsOf(1, 40)

const toPlan = async (run: StepwiseRun): Promise<void> => {
  await run.begin()
  await run.plan()
}
const toFirstCommit = async (run: StepwiseRun): Promise<void> => {
  await toPlan(run)
  await run.write(source, 15)
  await run.commit(source)
}
const toLastCommit = async (run: StepwiseRun): Promise<void> => {
  await toFirstCommit(run)
  await run.write(source)
  await run.commit(source)
}

const moments: Readonly<Record<string, Moment>> = {
  'before its begin': {
    reach: () => Promise.resolve(),
    wake: (run) => run.begin(),
  },
  'after its begin': {
    reach: (run) => run.begin(),
    wake: (run) => run.plan(),
  },
  'after its plan': {
    reach: toPlan,
    wake: (run) => run.lane(),
  },
  'in its first transaction': {
    reach: async (run) => {
      await toPlan(run)
      await run.write(source, 15)
    },
    wake: (run) => run.commit(source),
  },
  'between two commits': {
    reach: async (run) => {
      await toFirstCommit(run)
      await run.write(source, 10)
    },
    wake: (run) => run.commit(source),
  },
  'after its last commit': {
    reach: toLastCommit,
    wake: (run) => run.finish(),
  },
  'after its finish': {
    reach: async (run) => {
      await toLastCommit(run)
      await run.finish()
    },
    // Nothing of it is left to do but another sync.
    wake: (run) => run.begin(),
  },
}

interface Case extends Loading {
  readonly moment: string
  /** Attempts of one run have its key; runs without keys follow each other. */
  readonly next: 'attempt' | 'run'
}

function casesOf({ modes }: DestinationSubject): readonly Case[] {
  return loadings
    .filter(({ mode }) => modes.includes(mode))
    .flatMap((loading) =>
      Object.keys(moments).flatMap((moment) =>
        (['attempt', 'run'] as const).map((next) => ({ ...loading, moment, next })),
      ),
    )
}

export function killCases(subject: DestinationSubject): readonly ContractCase[] {
  return casesOf(subject).map((kill) => ({
    name: `a run that stops ${kill.moment} loses and doubles nothing, and is fenced: ${kill.mode}, ${kill.syncMode}, then another ${kill.next}`,
    check: (place) => checkKill(place, kill),
  }))
}

async function checkKill(place: Place, { moment, next, ...loading }: Case): Promise<void> {
  const steps = moments[moment]
  if (steps === undefined) throw new Error(`there is no moment ${moment}`)
  const sink = streamOf(place, loading)
  const key = next === 'attempt' ? 'run_1' : undefined
  await using frozen = await StepwiseRun.open(place, sink, key)
  await steps.reach(frozen)

  await using other = await StepwiseRun.open(place, sink, key)
  const { begun, loaded } = await other.complete(source)
  await expectSource(place)
  // An attempt goes on where the last commit was, and each row is in the account once.
  const { kept, staged } = begun.untoldCounts
  if (next === 'attempt' && moment !== 'after its finish')
    expect(kept.loaded + staged.loaded + loaded).toBe(source.length)

  await expect(steps.wake(frozen)).rejects.toMatchObject({ code: 'fenced' })
  await frozen.end()
  await expectSource(place)
}

async function expectSource(place: Place): Promise<void> {
  expect(sorted(await place.rows())).toEqual(source)
}
