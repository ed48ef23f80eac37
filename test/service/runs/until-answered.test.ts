import { pino } from 'pino'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { untilAnswered } from '../../../service/runs/until-answered.ts'

const logger = pino({ level: 'silent' })

test('a database that is away is asked again; what does not pass is thrown at once', async () => {
  let asked = 0
  const answer = await untilAnswered(async () => {
    asked += 1
    await Promise.resolve()
    if (asked === 1) throw new ConnectError('store_unavailable', { details: { reason: 'away' } })
    return 'ended'
  }, logger)
  expect({ answer, asked }).toEqual({ answer: 'ended', asked: 2 })
  const refused = untilAnswered(() => Promise.reject(new ConnectError('run_not_found')), logger)
  await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'run_not_found' }) as Error)
})
