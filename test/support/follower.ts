import { expect } from 'vitest'
import { z } from 'zod'
import type { RunService } from '../../service/runs/contract.ts'
import type { ApiClient } from './api-client.ts'

export interface ReceivedEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: unknown
}

/** Reads an event stream event by event. */
export class Follower {
  readonly headers: Headers
  readonly #leaving: AbortController
  readonly #chunks: ReadableStreamDefaultReader<string>
  #text = ''

  private constructor(response: Response, leaving: AbortController) {
    this.headers = response.headers
    this.#leaving = leaving
    const body = response.body ?? new ReadableStream<Uint8Array>()
    this.#chunks = body.pipeThrough(new TextDecoderStream()).getReader()
  }

  static async start(
    client: ApiClient,
    run: string,
    options: { readonly path?: string; readonly headers?: Record<string, string> } = {},
  ): Promise<Follower> {
    const leaving = new AbortController()
    const path = options.path ?? `/runs/${run}/logs`
    const response = await fetch(`${client.url}/connect/v1${path}`, {
      headers: {
        authorization: `Bearer ${client.key}`,
        accept: 'text/event-stream',
        ...options.headers,
      },
      signal: leaving.signal,
    })
    expect(response.status).toBe(200)
    const follower = new Follower(response, leaving)
    await follower.until('retry: 2000\n\n')
    return follower
  }

  leave(): void {
    this.#leaving.abort()
  }

  /** Null at the end. */
  async next(): Promise<ReceivedEvent | null> {
    while (!this.#text.includes('\n\n')) if (!(await this.#more())) return null
    const [block = ''] = this.#text.split('\n\n', 1)
    this.#text = this.#text.slice(block.length + 2)
    const fields = new Map(block.split('\n').map((line) => pairOf(line)))
    return {
      event: fields.get('event') ?? '',
      id: fields.get('id'),
      data: z.unknown().parse(JSON.parse(fields.get('data') ?? 'null')),
    }
  }

  async until(text: string): Promise<void> {
    while (!this.#text.includes(text)) expect(await this.#more(), text).toBe(true)
    this.#text = this.#text.slice(this.#text.indexOf(text) + text.length)
  }

  /** All that comes until the end. */
  async rest(): Promise<readonly ReceivedEvent[]> {
    const events: ReceivedEvent[] = []
    for (let event = await this.next(); event !== null; event = await this.next()) {
      events.push(event)
    }
    return events
  }

  /** Reads up to the next event of this name; the last `seq` by then. */
  async seqOf(name: string): Promise<number> {
    let seq = 0
    for (;;) {
      const event = await this.next()
      expect(event, name).not.toBeNull()
      if (event?.id !== undefined) seq = Number(event.id)
      if (event?.event === name) return seq
    }
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.read()
    if (done) return false
    this.#text += value
    return true
  }
}

/** Counts who follows runs from here on. */
export function countFollowers(runs: RunService): () => number {
  const follow = runs.follow.bind(runs)
  let count = 0
  runs.follow = async function* (...place) {
    count += 1
    try {
      yield* follow(...place)
    } finally {
      count -= 1
    }
  }
  return () => count
}

function pairOf(line: string): [string, string] {
  const [name = ''] = line.split(': ', 1)
  return [name, line.slice(name.length + 2)]
}
