import { createHash } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { ConnectError, type JsonObject } from '../../../../protocol/index.ts'
import { LoadedDirectory } from '../../../../service/webhooks/ingress/receiver-directory.ts'
import type { StoredReceiver } from '../../../../service/webhooks/receivers/contract.ts'
import { standardRules } from '../../../support/deliveries.ts'
import { silent } from '../../../support/logger.ts'

const nowMs = Date.parse('2030-01-01T00:00:00Z')
const hash = (token: string): Buffer => createHash('sha256').update(token).digest()

function stored(name: string, fields: Partial<StoredReceiver> = {}): StoredReceiver {
  return {
    id: `rcv_${name}`,
    name,
    instance: null,
    type: null,
    webhook: null,
    rules: standardRules,
    dispatch: [{ target: 'job:work' }],
    description: null,
    status: 'active',
    hasSecret: true,
    tokenHash: hash(`token-${name}`),
    previousTokens: [],
    previousTokenUntil: null,
    previousSecretUntil: null,
    secretVersion: 1,
    version: 1,
    createdAt: '2029-01-01T00:00:00Z',
    updatedAt: '2029-01-01T00:00:00Z',
    ...fields,
  }
}

/** A store and a vault that a test changes. */
function parts(...receivers: StoredReceiver[]) {
  const secrets = new Map<string, JsonObject>()
  for (const { id } of receivers) secrets.set(`receivers/${id}`, { signing: 'a', dispatch: 'x' })
  const state = { receivers, secrets, failure: undefined as Error | undefined, reads: 0 }
  const listeners = new Set<() => void>()
  const fail = (): void => {
    if (state.failure !== undefined) throw state.failure
  }
  const directory = new LoadedDirectory({
    store: {
      all: () => Promise.resolve(state.receivers),
      onChange: (changed) => {
        listeners.add(changed)
        return { [Symbol.dispose]: () => listeners.delete(changed) }
      },
    },
    vault: {
      get: (path) => {
        state.reads += 1
        return Promise.resolve().then(() => {
          fail()
          const found = secrets.get(path)
          return found === undefined ? null : { secrets: found, version: 1 }
        })
      },
    },
    logger: silent,
    refreshMs: 60_000,
    retryMs: 5,
  })
  const notify = (): void => {
    for (const changed of listeners) changed()
  }
  return { directory, state, notify, listeners }
}

describe('the directory of receivers', () => {
  test('reads once for all who ask before it has begun, and again for who asks later', async () => {
    const { directory, state } = parts(stored('a'))
    await directory.refresh()
    const readings: string[][] = []
    let names = ['a']
    const { receivers } = state
    Object.defineProperty(state, 'receivers', {
      get: () => {
        readings.push(names)
        return receivers
      },
    })
    const first = directory.refresh()
    await Promise.resolve()
    await Promise.resolve()
    names = ['a', 'b']
    await Promise.all([first, ...Array.from({ length: 10 }, () => directory.refresh())])
    expect(readings).toEqual([['a'], ['a', 'b']])
  })

  test('finds a receiver by its token, with its secret', async () => {
    const { directory } = parts(stored('a'), stored('b'))
    expect(directory.isComplete()).toBe(false)
    await directory.refresh()
    expect(directory.isComplete()).toBe(true)
    const found = directory.find('token-b', nowMs)
    expect(found).toMatchObject({ id: 'rcv_b', name: 'b', dispatch: [{ target: 'job:work' }] })
    expect(found?.secretsAt(nowMs)).toEqual(['a'])
    for (const none of ['', 'token-c', 'token-b ', hash('token-b').toString('hex')])
      expect(directory.find(none, nowMs)).toBeUndefined()
  })

  test('knows the tokens and the secrets of before, each until its time is over', async () => {
    const until = new Date(nowMs + 1_000).toISOString()
    const { directory, state } = parts(
      stored('a', {
        previousTokens: [
          { value: hash('old').toString('base64'), until },
          { value: hash('older').toString('base64'), until: new Date(nowMs + 2_000).toISOString() },
        ],
      }),
    )
    const old = { value: 'old', until }
    state.secrets.set('receivers/rcv_a', { signing: 'new', previousSigning: [old], dispatch: 'x' })
    await directory.refresh()
    expect(directory.find('old', nowMs)?.secretsAt(nowMs)).toEqual(['new', 'old'])
    expect(directory.find('old', nowMs + 1_000)).toBeUndefined()
    expect(directory.find('older', nowMs + 1_000)).toBeDefined()
    expect(directory.find('older', nowMs + 2_000)).toBeUndefined()
    expect(directory.find('token-a', nowMs + 1_000)?.secretsAt(nowMs + 1_000)).toEqual(['new'])
  })

  test('reads the vault again only for secrets that have changed', async () => {
    const { directory, state } = parts(stored('a'), stored('b'))
    await directory.refresh()
    await directory.refresh()
    expect(state.reads).toBe(2)
    state.receivers = [stored('a', { secretVersion: 2 }), stored('b')]
    state.secrets.set('receivers/rcv_a', { signing: 'changed', dispatch: 'x' })
    await directory.refresh()
    expect(state.reads).toBe(3)
    expect(directory.find('token-a', nowMs)?.secretsAt(nowMs)).toEqual(['changed'])
  })

  test('a receiver without a secret has none, and its connector may be gone', async () => {
    const { directory, state } = parts(
      stored('a'),
      stored('b', { rules: null, type: 'stripe', webhook: 'gone' }),
      stored('c', { rules: null, type: 'no-such-connector', webhook: 'events' }),
    )
    state.secrets.clear()
    await directory.refresh()
    expect(directory.find('token-a', nowMs)?.secretsAt(nowMs)).toEqual([])
    expect(directory.find('token-b', nowMs)).toBeUndefined()
    expect(directory.find('token-c', nowMs)).toBeUndefined()
    expect(directory.isComplete()).toBe(true)
  })

  test('is incomplete while secrets cannot be read, except those that are damaged', async () => {
    const { directory, state } = parts(stored('a'))
    state.failure = new ConnectError('vault_unreachable')
    await directory.refresh()
    expect(directory.isComplete()).toBe(false)
    state.failure = new ConnectError('vault_corrupt')
    await directory.refresh()
    expect(directory.isComplete()).toBe(true)
    expect(directory.find('token-a', nowMs)?.secretsAt(nowMs)).toEqual([])
  })

  test('reads again at once after a change, and tries again after a failure', async () => {
    const { directory, state, notify, listeners } = parts(stored('a'))
    const stop = new AbortController()
    state.failure = new ConnectError('vault_unreachable')
    const running = directory.run(stop.signal)
    await vi.waitFor(() => {
      expect(state.reads).toBeGreaterThan(2)
    }, 10_000)
    state.failure = undefined
    await vi.waitFor(() => {
      expect(directory.isComplete()).toBe(true)
    }, 10_000)
    state.receivers = [stored('a'), stored('b')]
    notify()
    await vi.waitFor(() => {
      expect(directory.named('b')).toBeDefined()
    }, 10_000)
    stop.abort()
    await running
    expect(listeners.size).toBe(0)
  })

  test('says what it knew while the store is away', async () => {
    const { directory, state } = parts(stored('a'))
    await directory.refresh()
    Object.defineProperty(state, 'receivers', {
      get: () => {
        throw new ConnectError('store_unavailable')
      },
    })
    await expect(directory.refresh()).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(directory.find('token-a', nowMs)).toBeDefined()
  })
})
