import { pino } from 'pino'
import { expect, test } from 'vitest'
import { JobSide } from '../../../engine/threads/main-side.ts'

interface Found {
  readonly type: 'found'
  readonly text: string
}

test('an event that cannot be handled ends its job and not the process, and is not quoted', async () => {
  const lines: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line) => void lines.push(line) })
  const side = new JobSide<Found>(logger, ({ text }) => {
    throw new SyntaxError(`Invalid regular expression: /${text}/`)
  })
  side.workerPort.postMessage({ type: 'found', text: 'planted-SECRET' })
  await side.waitUntilDrained()
  expect(side.kill.aborted).toBe(true)
  expect(lines.join('')).toContain('"event":"found","failure":"SyntaxError"')
  expect(lines.join('')).not.toContain('SECRET')
})

test('a line of the log that cannot be read is left out, and the job goes on', async () => {
  const lines: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line) => void lines.push(line) })
  const side = new JobSide<Found>(logger, () => undefined)
  side.workerPort.postMessage({ type: 'log', line: '{ broken planted-SECRET' })
  side.workerPort.postMessage({ type: 'log', line: '{"level":30,"msg":"a line"}' })
  await side.waitUntilDrained()
  expect(side.kill.aborted).toBe(false)
  expect(lines.join('')).toContain('a line')
  expect(lines.join('')).not.toContain('SECRET')
})
