import type { Logger } from 'pino'
import pg from 'pg'
import { setTimeout as delay } from 'node:timers/promises'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { pinSearchPath, sessionOptions, translateError } from './database.ts'

/** `payload`: only notifications with this one. */
export interface Subject {
  readonly channel: string
  readonly payload?: string
}

interface ListeningSession {
  /** Statements run one after the other. */
  readonly run: (statement: string) => Promise<void>
  readonly client: pg.Client
  readonly channels: Map<string, Promise<void>>
}

/** How often the session is probed: a network that drops packets reports nothing. */
const probeMs = 15_000
const retryMs = 500

/**
 * One session that listens for notifications, for all followers of the process. It is opened with the first
 * follower, and opened again if it is lost; every follower then reads, because it may have missed something.
 */
export class ChangeListener implements AsyncDisposable {
  readonly #url: string
  readonly #logger: Logger
  /** By channel, then by payload; the empty text: any. */
  readonly #followers = new Map<string, Map<string, Set<() => void>>>()
  readonly #closing = new AbortController()
  #session: Promise<ListeningSession> | undefined
  #isReopening = false

  constructor(options: { readonly url: string; readonly logger: Logger }) {
    this.#url = options.url
    this.#logger = options.logger
  }

  /**
   * Yields at first and then after each change. Throws `store_unavailable` if it cannot begin to listen. Ends
   * when the signal or the store does.
   */
  async *changes(subject: Subject, signal: AbortSignal): AsyncGenerator<void, void> {
    const ended = AbortSignal.any([signal, this.#closing.signal])
    let hasChanged = true
    let wake = (): void => undefined
    const follower = (): void => {
      hasChanged = true
      wake()
    }
    const wakeAtEnd = (): void => {
      wake()
    }
    this.#add(subject, follower)
    ended.addEventListener('abort', wakeAtEnd)
    try {
      await this.#listening(subject.channel)
      while (!ended.aborted) {
        if (hasChanged) {
          hasChanged = false
          yield
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    } finally {
      ended.removeEventListener('abort', wakeAtEnd)
      this.#remove(subject, follower)
    }
  }

  /**
   * Calls back as soon as it listens, after each change, and after the session was lost for a time. If the
   * database does not respond, it tries again until it does.
   */
  onChange(channel: string, changed: () => void): Disposable {
    const follower = (): void => {
      changed()
    }
    this.#add({ channel }, follower)
    this.#listening(channel).then(follower, () => this.#reopen())
    return {
      [Symbol.dispose]: () => {
        this.#remove({ channel }, follower)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    const session = await this.#session?.catch(() => undefined)
    await session?.client.end()
  }

  async #listening(channel: string): Promise<void> {
    this.#session ??= this.#open()
    const { run, channels } = await this.#session
    const listening = channels.get(channel) ?? listen(run, channel)
    channels.set(channel, listening)
    await listening.catch((error: unknown) => {
      channels.delete(channel)
      throw error
    })
  }

  async #open(): Promise<ListeningSession> {
    const client = new pg.Client({ ...sessionOptions(this.#url), query_timeout: 5_000 })
    client.on('notification', ({ channel, payload }) => {
      this.#wake(this.#followers.get(channel)?.get(payload ?? ''))
      if (payload !== undefined) this.#wake(this.#followers.get(channel)?.get(''))
    })
    let lost = false
    const reopen = (): void => {
      if (lost) return
      lost = true
      clearInterval(probe)
      this.#session = undefined
      if (!this.#closing.signal.aborted) void this.#reopen()
    }
    client.on('error', () => undefined) // 'end' follows
    const run = oneByOne(client)
    const probe = setInterval(() => {
      run('SELECT').catch(() => {
        // Ending a dead connection would wait for the network.
        client.connection.stream.destroy()
      })
    }, probeMs)
    probe.unref()
    try {
      await client.connect()
      await pinSearchPath(client)
      client.on('end', reopen)
      return { run, client, channels: new Map() }
    } catch (error) {
      clearInterval(probe)
      this.#session = undefined
      await client.end()
      throw translateError(error)
    }
  }

  /** Tries as long as there are followers. */
  async #reopen(): Promise<void> {
    if (this.#isReopening) return
    this.#isReopening = true
    this.#logger.warn('the session that listens for changes was lost; it is opened again')
    try {
      while (this.#followers.size > 0 && !this.#closing.signal.aborted) {
        if (await this.#listensToAll()) return
        await delay(retryMs, undefined, { ref: false })
      }
    } finally {
      this.#isReopening = false
    }
  }

  async #listensToAll(): Promise<boolean> {
    try {
      for (const [channel, byPayload] of this.#followers) {
        await this.#listening(channel)
        for (const followers of byPayload.values()) this.#wake(followers)
      }
      return this.#session !== undefined
    } catch (error) {
      this.#logger.debug({ err: error }, 'the metadata database does not respond yet')
      return false
    }
  }

  #add({ channel, payload = '' }: Subject, follower: () => void): void {
    const byPayload = this.#followers.get(channel) ?? new Map<string, Set<() => void>>()
    const followers = byPayload.get(payload) ?? new Set()
    this.#followers.set(channel, byPayload.set(payload, followers.add(follower)))
  }

  #remove({ channel, payload = '' }: Subject, follower: () => void): void {
    const byPayload = this.#followers.get(channel)
    const followers = byPayload?.get(payload)
    followers?.delete(follower)
    if (followers?.size === 0) byPayload?.delete(payload)
    if (byPayload?.size === 0) this.#followers.delete(channel)
  }

  #wake(followers: ReadonlySet<() => void> | undefined): void {
    for (const follower of followers ?? []) follower()
  }
}

/** A client that is given a second statement while the first one runs warns on stderr. */
function oneByOne(client: pg.Client): ListeningSession['run'] {
  let last: Promise<unknown> = Promise.resolve()
  return async (statement) => {
    const result = last.then(() => client.query(statement))
    last = result.catch(() => undefined)
    await result
  }
}

async function listen(run: ListeningSession['run'], channel: string): Promise<void> {
  try {
    await run(`LISTEN ${quoteIdentifier(channel)}`)
  } catch (error) {
    throw translateError(error)
  }
}
