import { pino } from 'pino'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { Mask, newTexts } from '../../../service/runs/mask.ts'
import { RunLog } from '../../../service/runs/run-log.ts'
import type { NewLogLine } from '../../../service/store/contract/runs.ts'

const secret = 'p@ss "word"'

/** A log of lines in memory, whose database answers or not. */
function testLog(): { log: RunLog; kept: NewLogLine[]; own: string[]; answers: boolean } {
  const kept: NewLogLine[] = []
  const own: string[] = []
  const mask = new Mask()
  mask.add([secret, 'abc'])
  const state = { kept, own, answers: true }
  const store = {
    appendLog: async (_: string, lines: readonly NewLogLine[]) => {
      if (!state.answers) throw new ConnectError('store_unavailable', { details: { reason: 'x' } })
      kept.push(...lines)
      await Promise.resolve()
    },
  }
  const logger = pino({ level: 'info' }, { write: (line) => void own.push(line) })
  const log = new RunLog({ run: 'run_1', connection: 'shop', store, mask, logger })
  return Object.assign(state, { log })
}

test('a secret is in no line, in whatever form and place, and short words stay', async () => {
  const { log, kept, own } = testLog()
  log.logger.info({ url: `https://x/?k=${encodeURIComponent(secret)}` }, `refused ${secret}`)
  log.logger.error({ err: new Error(`wrong: ${secret}`), deep: [{ of: [secret] }] }, 'abc')
  await log[Symbol.asyncDispose]()
  expect(kept).toMatchObject([
    { level: 'info', message: 'refused ***', fields: { url: 'https://x/?k=***' } },
    { level: 'error', message: 'abc', fields: { err: { message: 'wrong: ***' } } },
  ])
  const everything = JSON.stringify(kept) + own.join('')
  for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
    expect(everything).not.toContain(form)
  expect(JSON.stringify(kept)).not.toContain('run-log.test.ts')
  expect(own.join('')).toContain('"run":"run_1"')
})

test('lines wait for a database that does not answer, the oldest give way, and the gap is told', async () => {
  const state = testLog()
  state.answers = false
  for (let line = 0; line < 2_100; line++) state.log.logger.info({ line }, 'a line')
  await state.log.flush()
  expect(state.kept).toEqual([])
  state.answers = true
  await state.log[Symbol.asyncDispose]()
  expect(state.kept).toHaveLength(2_001)
  expect(state.kept[0]).toMatchObject({ level: 'warn', fields: { lines: 100 } })
  expect(state.kept[1]).toMatchObject({ fields: { line: 100 } })
})

test('the texts that a source changed in its configuration are known as new', () => {
  const before = { token: 'old', user: 'ada', deep: { list: ['x'] } }
  const after = { token: 'new', user: 'ada', deep: { list: ['x', 'y'] }, until: 5 }
  expect(newTexts(after, before)).toEqual(['new', 'y'])
})
