import { MessageChannel } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { StreamWarnings } from '../../../engine/read/stream-warnings.ts'
import { WarningKeeper } from '../../../engine/threads/main-side.ts'
import type { StreamWarning } from '../../../engine/threads/protocol.ts'
import { ConnectError } from '../../../protocol/index.ts'

/** Both sides of a job, in one thread. */
function job(keep: (text: string) => Promise<void>): {
  readonly warnings: StreamWarnings
  readonly keeper: WarningKeeper
} {
  const { port1, port2 } = new MessageChannel()
  const keeper = new WarningKeeper(keep, (reply) => {
    port1.postMessage(reply)
  })
  port1.on('message', (warning: StreamWarning) => {
    keeper.handle(warning)
  })
  onTestFinished(() => {
    port1.close()
  })
  return { warnings: new StreamWarnings(port2), keeper }
}

test('a reader waits until its warnings are durable, and not without any', async () => {
  const kept: string[] = []
  const room = Promise.withResolvers<undefined>()
  const asked = Promise.withResolvers<undefined>()
  const { warnings, keeper } = job(async (text) => {
    asked.resolve(undefined)
    await room.promise
    kept.push(text)
  })
  await warnings.untilKept()
  warnings.warn('first')
  warnings.warn('second')
  const waiting = warnings.untilKept().then(() => [...kept])
  await asked.promise
  expect(kept).toEqual([])
  room.resolve(undefined)
  expect(await waiting).toEqual(['first', 'second'])
  await keeper[Symbol.asyncDispose]()
})

test('a warning that cannot be kept ends the read, with the reason', async () => {
  const lost = new ConnectError('destination_connection_lost', {
    details: { host: 'h', port: 1, database: 'd', reason: 'gone' },
  })
  const { warnings } = job((text) => (text === 'bad' ? Promise.reject(lost) : Promise.resolve()))
  warnings.warn('bad')
  warnings.warn('good')
  for (let state = 0; state < 2; state++)
    await expect(warnings.untilKept()).rejects.toMatchObject({
      code: 'destination_connection_lost',
      details: { reason: 'gone' },
    })
})

test('what PostgreSQL cannot store of a text is left out, and a long one is cut', async () => {
  const kept: string[] = []
  const { warnings } = job((text) => Promise.resolve(void kept.push(text)))
  warnings.warn('a\0b\ud800')
  warnings.warn('x'.repeat(100_000))
  await warnings.untilKept()
  expect(kept[0]).toBe('ab\ufffd')
  expect(kept[1]).toMatch(/^x{8000}… \(cut: 100,000 characters\)$/)
})
