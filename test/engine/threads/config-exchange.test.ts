import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { ConfigLender } from '../../../engine/threads/main-side.ts'
import type { ConfigRequest } from '../../../engine/threads/protocol.ts'
import { ConfigBorrower } from '../../../engine/threads/worker-side.ts'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { Mutex } from '../../../lib/async/slots.ts'

/** A configuration that is kept, changed by one at a time. */
class StoredConfig {
  config: JsonObject = { token: 'first' }
  failure: ConnectError | undefined
  readonly #mutex = new Mutex()

  readonly change = (
    change: (kept: JsonObject) => Promise<JsonObject | null>,
  ): Promise<JsonObject> =>
    this.#mutex.run(async () => {
      const changed = await change(this.config)
      if (this.failure !== undefined) throw this.failure
      this.config = changed ?? this.config
      return this.config
    })
}

const open: AsyncDisposableStack[] = []
afterEach(async () => {
  for (const stack of open.splice(0)) await stack.disposeAsync()
})

/** Both sides of a job, in one thread. */
function job(kept: StoredConfig): {
  readonly borrower: ConfigBorrower
  readonly lender: ConfigLender
  readonly stop: AbortController
} {
  const { port1, port2 } = new MessageChannel()
  const lender = new ConfigLender(kept.change, (reply) => {
    port1.postMessage(reply)
  })
  port1.on('message', (request: ConfigRequest) => {
    lender.handle(request)
  })
  const stop = new AbortController()
  const stack = new AsyncDisposableStack()
  stack.defer(() => {
    port1.close()
  })
  open.push(stack)
  return { borrower: new ConfigBorrower(port2, stop.signal), lender, stop }
}

const withToken = (token: string) => () => Promise.resolve({ token })
const asItIs = () => Promise.resolve(null)

test('workers that change the configuration get it one after the other, each as the one before left it', async () => {
  const kept = new StoredConfig()
  kept.config = { n: 0 }
  const count = ({ n }: JsonObject) => Promise.resolve({ n: Number(n) + 1 })
  const jobs = [1, 2, 3].map(() => job(kept))
  await Promise.all(
    jobs.flatMap(({ borrower }) => [borrower.change(count), borrower.change(count)]),
  )
  expect(kept.config).toEqual({ n: 6 })
})

test('a change that fails leaves the configuration as it was, and says why', async () => {
  const kept = new StoredConfig()
  const { borrower } = job(kept)
  const failure = new Error('the vendor is down')
  await expect(borrower.change(() => Promise.reject(failure))).rejects.toBe(failure)
  expect(await borrower.change(asItIs)).toEqual({ token: 'first' })
})

test('a configuration that could not be stored fails with the error of the store', async () => {
  const kept = new StoredConfig()
  const { borrower } = job(kept)
  kept.failure = new ConnectError('vault_conflict', { details: { path: 'instances/a' } })
  await expect(borrower.change(withToken('second'))).rejects.toMatchObject({
    code: 'vault_conflict',
    details: { path: 'instances/a' },
  })
})

test('a worker that dies while it has the configuration holds nobody up', async () => {
  const kept = new StoredConfig()
  const [dying, other] = [job(kept), job(kept)]
  const lent = Promise.withResolvers<undefined>()
  void dying.borrower.change(async () => {
    lent.resolve(undefined)
    return new Promise(() => undefined)
  })
  await lent.promise
  const waiting = other.borrower.change(withToken('second'))
  await dying.lender[Symbol.asyncDispose]()
  expect(await waiting).toEqual({ token: 'second' })
})

test('a worker that is stopped in the middle of a change returns it before it ends', async () => {
  const kept = new StoredConfig()
  const { borrower, stop } = job(kept)
  const lent = Promise.withResolvers<undefined>()
  const answered = Promise.withResolvers<undefined>()
  const changing = borrower.change(async () => {
    lent.resolve(undefined)
    await answered.promise
    return { token: 'second' }
  })
  await lent.promise
  stop.abort(new Error('stopped'))
  const ended = borrower[Symbol.asyncDispose]()
  answered.resolve(undefined)
  await ended
  expect(kept.config).toEqual({ token: 'second' })
  expect(await changing).toEqual({ token: 'second' })
})

test('a worker that is stopped does not wait for the configuration, and returns it when it comes', async () => {
  const kept = new StoredConfig()
  const [holder, stopped, other] = [job(kept), job(kept), job(kept)]
  const lent = Promise.withResolvers<undefined>()
  const done = Promise.withResolvers<undefined>()
  const holding = holder.borrower.change(async () => {
    lent.resolve(undefined)
    await done.promise
    return { token: 'second' }
  })
  await lent.promise
  const waiting = stopped.borrower.change(withToken('never'))
  stopped.stop.abort(new Error('stopped'))
  await expect(waiting).rejects.toThrow('stopped')
  await expect(stopped.borrower.change(asItIs)).rejects.toThrow('stopped')
  done.resolve(undefined)
  await holding
  expect(await other.borrower.change(asItIs)).toEqual({ token: 'second' })
})
