import { pino } from 'pino'
import { expect, test } from 'vitest'
import { OutageLog } from '../../../../service/platform/log/outage-log.ts'

test('an outage of two minutes writes four lines, and its end is one of them', () => {
  const lines: unknown[] = []
  const write = (line: string): void => {
    lines.push(JSON.parse(line))
  }
  let nowMs = 0
  const log = new OutageLog({
    logger: pino({ base: null, timestamp: false }, { write }),
    message: 'it fails',
    backMessage: 'it works again',
    now: () => nowMs,
  })
  log.worked()
  for (; nowMs < 125_000; nowMs += 1_000) log.failed({ code: 'store_unavailable' })
  log.worked()
  log.worked()
  const failed = { level: 40, code: 'store_unavailable', msg: 'it fails' }
  expect(lines).toEqual([
    failed,
    { ...failed, failures: 60 },
    { ...failed, failures: 60 },
    { level: 30, seconds: 125, msg: 'it works again' },
  ])
})
