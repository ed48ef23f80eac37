import { expect, test } from 'vitest'
import { ReadAgain } from '../../../engine/run/read-again.ts'

test('records that an attempt had read beyond its last checkpoint are read again by the next one', () => {
  const again = new ReadAgain()
  again.openLane(0, { syncId: 1, position: 100 })
  again.read(0, 50)
  expect(again.count).toBe(0)
  again.openLane(0, { syncId: 1, position: 120 })
  again.read(0, 10)
  expect(again.count).toBe(10)
  again.read(0, 100)
  expect(again.count).toBe(30)
  // This attempt came further than the first one: to 230.
  again.openLane(0, { syncId: 1, position: 120 })
  again.read(0, 200)
  expect(again.count).toBe(140)
})

test('what waits in the log is not read again', () => {
  const again = new ReadAgain()
  again.openLane(0, { syncId: 1, position: 0 })
  again.read(0, 50)
  again.openLane(0, { syncId: 1, position: 50 })
  again.read(0, 50)
  expect(again.count).toBe(0)
})

test('lanes are counted apart, and the next sync of a run is no repeat', () => {
  const again = new ReadAgain()
  again.openLane(0, { syncId: 1, position: 0 })
  again.openLane(1, { syncId: 1, position: 0 })
  again.read(0, 50)
  again.read(1, 50)
  expect(again.count).toBe(0)
  again.openLane(1, { syncId: 1, position: 40 })
  again.read(1, 20)
  expect(again.count).toBe(10)
  again.openLane(0, { syncId: 2, position: 0 })
  again.read(0, 50)
  expect(again.count).toBe(10)
})
