import { expect, test } from 'vitest'
import { isLong } from '../../../support/long.ts'
import { SalesHistory } from './sales-history.ts'

const histories = Number(process.env.PAIR_HISTORIES ?? (isLong ? 200 : 12))
const firstSeed = Number(process.env.PAIR_SEED ?? 1)

test('histories of edits, merges, faults and crashes with Salesforce converge and lose nothing', async () => {
  const failed: string[] = []
  for (let seed = firstSeed; seed < firstSeed + histories && failed.length < 3; seed++) {
    const found = await SalesHistory.play(seed)
    if (found.length > 0) failed.push(`seed ${String(seed)}: ${found.join('; ')}`)
  }
  expect(failed).toEqual([])
}, 1_800_000)
