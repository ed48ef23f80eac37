import type { Logger } from 'pino'
import pg from 'pg'
import { setTimeout as delay } from 'node:timers/promises'
import { pinSearchPath, sessionOptions, translateError } from '../platform/database/database.ts'
import { runChannel } from './run-changes.ts'

interface Follower {
  /** Something may have changed since the last look. */
  changed: boolean
  wake: () => void
}

/** How often the session is probed: a network that drops packets reports nothing. */
const probeMs = 15_000
const retryMs = 500

/**
 * One session that listens for changed runs, for all followers of the process. It is opened with the first follower, and opened again if it
 * is lost; every follower then reads, because it may have missed something.
 */
export class RunListener implements AsyncDisposable {
  readonly #url: string
  readonly #logger: Logger
  readonly #followers = new Map<string, Set<Follower>>()
  readonly #closing = new AbortController()
  #session: Promise<pg.Client> | undefined

  constructor(options: { readonly url: string; readonly logger: Logger }) {
    this.#url = options.url
    this.#logger = options.logger
  }

  /** Throws `store_unavailable` if it cannot begin to listen. Ends when the signal or the store does. */
  async *changes(run: string, signal: AbortSignal): AsyncGenerator<void, void> {
    const ended = AbortSignal.any([signal, this.#closing.signal])
    const follower: Follower = { changed: true, wake: () => undefined }
    const wakeAtEnd = (): void => {
      follower.wake()
    }
    this.#add(run, follower)
    ended.addEventListener('abort', wakeAtEnd)
    try {
      await this.#listening()
      while (!ended.aborted) {
        if (follower.changed) {
          follower.changed = false
          yield
        } else {
          await new Promise<void>((resolve) => {
            follower.wake = resolve
          })
        }
      }
    } finally {
      ended.removeEventListener('abort', wakeAtEnd)
      this.#remove(run, follower)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    const session = await this.#session?.catch(() => undefined)
    await session?.end()
  }

  async #listening(): Promise<pg.Client> {
    this.#session ??= this.#open()
    return this.#session
  }

  async #open(): Promise<pg.Client> {
    const client = new pg.Client({ ...sessionOptions(this.#url), query_timeout: 5_000 })
    client.on('notification', ({ payload }) => {
      this.#wake(this.#followers.get(payload ?? ''))
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
    const probe = setInterval(() => {
      client.query('SELECT').catch(() => {
        // Ending a dead connection would wait for the network.
        client.connection.stream.destroy()
      })
    }, probeMs)
    probe.unref()
    try {
      await client.connect()
      await pinSearchPath(client)
      await client.query(`LISTEN ${runChannel}`)
      client.on('end', reopen)
      return client
    } catch (error) {
      clearInterval(probe)
      this.#session = undefined
      await client.end()
      throw translateError(error)
    }
  }

  /** Tries as long as there are followers. */
  async #reopen(): Promise<void> {
    this.#logger.warn('the session that listens for changed runs was lost; it is opened again')
    while (this.#followers.size > 0 && !this.#closing.signal.aborted) {
      try {
        await this.#listening()
        for (const followers of this.#followers.values()) this.#wake(followers)
        return
      } catch (error) {
        this.#logger.debug({ err: error }, 'the metadata database does not respond yet')
        await delay(retryMs, undefined, { ref: false })
      }
    }
  }

  #add(run: string, follower: Follower): void {
    const followers = this.#followers.get(run) ?? new Set()
    this.#followers.set(run, followers.add(follower))
  }

  #remove(run: string, follower: Follower): void {
    const followers = this.#followers.get(run)
    followers?.delete(follower)
    if (followers?.size === 0) this.#followers.delete(run)
  }

  #wake(followers: ReadonlySet<Follower> | undefined): void {
    for (const follower of followers ?? []) {
      follower.changed = true
      follower.wake()
    }
  }
}
