import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { RunLog } from '../../../service/run-worker/run-log.ts'
import type { NewLogLine } from '../../../service/runs/contract.ts'
import { silent } from '../../support/logger.ts'

test('lines wait for a database that does not answer, the oldest give way, and the gap is told', async () => {
  const kept: NewLogLine[] = []
  let answers = false
  const store = {
    appendLog: async (_: string, lines: readonly NewLogLine[]) => {
      if (!answers) throw new ConnectError('store_unavailable', { details: { reason: 'x' } })
      kept.push(...lines)
      await Promise.resolve()
    },
  }
  const log = new RunLog({ run: 'run_1', store, logger: silent })
  for (let line = 0; line < 2_100; line++)
    log.take({ atMs: line, level: 'info', message: 'a line', fields: { line } })
  await log.flush()
  expect(kept).toEqual([])
  answers = true
  await log[Symbol.asyncDispose]()
  expect(kept).toHaveLength(2_001)
  expect(kept[0]).toMatchObject({ level: 'warn', fields: { lines: 100 } })
  expect(kept[1]).toMatchObject({ fields: { line: 100 } })
})
