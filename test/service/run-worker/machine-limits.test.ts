import { expect, test } from 'vitest'
import { mostParallelRuns, thisMachine } from '../../../service/run-worker/machine-limits.ts'

test.each([
  ['2 cores, 16 GB', { cores: 2, memoryMb: 16_384, parallelLanes: 2 }, 8],
  ['2 cores, 2 GB', { cores: 2, memoryMb: 2_048, parallelLanes: 2 }, 5],
  ['1 core, 512 MB', { cores: 1, memoryMb: 512, parallelLanes: 2 }, 1],
  ['64 cores, 256 GB', { cores: 64, memoryMb: 262_144, parallelLanes: 32 }, 54],
])('a process works on as many runs as a machine bears: %s', (_, machine, most) => {
  expect(mostParallelRuns(machine)).toBe(most)
})

test('this machine has cores and memory', () => {
  const { cores, memoryMb } = thisMachine()
  expect(cores).toBeGreaterThan(0)
  expect(memoryMb).toBeGreaterThan(100)
})
