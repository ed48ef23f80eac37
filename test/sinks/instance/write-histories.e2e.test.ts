import { expect, test } from 'vitest'
import { usually } from '../../support/long.ts'
import { checkHistory } from './histories.ts'

const seeds = Array.from(
  { length: Number(process.env.WRITE_HISTORIES ?? '20') },
  (_, index) => Number(process.env.WRITE_SEED ?? '1') + index,
)

test.each(usually(3, seeds))(
  'history %i: runs that are killed, cut off and turned away leave each record at the vendor once',
  async (seed) => {
    const faults = await checkHistory(seed)
    expect(faults).toBeGreaterThanOrEqual(0)
  },
  180_000,
)
