import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { standardWebhooks } from '../../../connectors/webhook-signature.ts'
import { signedHeaders } from '../../../service/webhooks/signature/sign.ts'
import type { KafkaBroker } from '../../kafka/kafka-broker.ts'
import { startKafka } from '../../support/kafka.ts'
import {
  serviceFolder,
  type ServiceFolder,
  type ServiceProcess,
} from '../../support/service-process.ts'
import {
  handlerServer,
  type HandlerServer,
  type ReceivedRequest,
} from './dispatch/handler-server.ts'

/** For each way of being durable; `npm run test:long -- storm` sets it. */
const events = Number(process.env.STORM_EVENTS ?? 0)
const parallel = 64
const secret = `whsec_${Buffer.alloc(24, 3).toString('base64')}`
const wrongSecret = `whsec_${Buffer.alloc(24, 4).toString('base64')}`
const receiver = z.object({ ingress_url: z.string() })
const metric = /^reactor_connect_webhooks_dispatches_waiting (\d+)$/m

/**
 * The largest allowed ratio of the memory at the end to the memory at first. Memory that the garbage
 * collector has not freed yet comes and goes.
 */
const mostGrowth = 1.2

interface Sent {
  readonly id: string
  readonly kind: 'genuine' | 'forged' | 'old'
}

/** 10 % come twice, 5 % more are forged, and 2 % more are old. */
function storm(): readonly Sent[] {
  const sent: Sent[] = []
  for (let number = 0; number < events; number++) {
    const genuine = { id: `evt_${String(number)}`, kind: 'genuine' } as const
    sent.push(genuine)
    if (number % 10 === 0) sent.push(genuine)
    if (number % 20 === 1) sent.push({ id: `forged_${String(number)}`, kind: 'forged' })
    if (number % 50 === 2) sent.push({ id: `old_${String(number)}`, kind: 'old' })
  }
  return sent
}

/**
 * Sends until there is a response, as vendors do. Resolves with the status; a forger accepts 429 as a
 * response.
 */
async function send(
  { id, kind }: Sent,
  { urlNow, putOff }: Pick<Storm, 'urlNow' | 'putOff'>,
): Promise<number> {
  const body = Buffer.from(
    JSON.stringify({ type: 'order.paid', id, key: id.slice(-2), text: 'x'.repeat(900) }),
  )
  for (;;) {
    const nowMs = Date.now() - (kind === 'old' ? 3_600_000 : 0)
    const key = kind === 'forged' ? wrongSecret : secret
    const headers = signedHeaders(standardWebhooks, body, { secret: key, nowMs, id })
    const status = await fetch(urlNow(), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    }).then(
      async (response) => {
        await response.arrayBuffer()
        return response.status
      },
      () => 0,
    )
    if (status === 429 && kind === 'forged') return status
    if (status !== 0 && status !== 429 && status < 500) return status
    putOff.add(status)
    await sleep(100)
  }
}

/** By the id of the event: the ids under which its target knows it. */
function idsByEvent(requests: readonly ReceivedRequest[]): ReadonlyMap<string, Set<string>> {
  const byEvent = new Map<string, Set<string>>()
  for (const { headers, body } of requests) {
    const { id } = z
      .union([
        z.object({ body: z.object({ id: z.string() }) }).transform((envelope) => envelope.body),
        z.object({ id: z.string() }),
      ])
      .parse(JSON.parse(body.toString('utf8')))
    byEvent.set(id, (byEvent.get(id) ?? new Set()).add(String(headers['webhook-id'])))
  }
  return byEvent
}

/** A service that is killed and started again, and its memory. */
class StormedService {
  readonly #folder: ServiceFolder
  readonly #environment: Readonly<Record<string, string>>
  /** Resident memory since the last start, in MB, with how many events the targets had. */
  #memory: { readonly taken: number; readonly mb: number }[] = []
  service: ServiceProcess
  #mostMb = 0

  private constructor(
    folder: ServiceFolder,
    environment: Readonly<Record<string, string>>,
    service: ServiceProcess,
  ) {
    this.#folder = folder
    this.#environment = environment
    this.service = service
  }

  static async start(
    folder: ServiceFolder,
    environment: Readonly<Record<string, string>>,
  ): Promise<StormedService> {
    return new StormedService(folder, environment, await folder.start({ environment }))
  }

  async killAndStart(): Promise<void> {
    const { key } = this.service
    await this.service.kill9()
    this.#memory = []
    this.service = await this.#folder.start({ environment: this.#environment, key })
  }

  async measure(taken: number): Promise<void> {
    const { pid } = this.service.process
    const status = await readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => '')
    const kB = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
    if (kB === undefined) return // it is killed at this moment
    this.#memory.push({ taken, mb: Number(kB) / 1024 })
    this.#mostMb = Math.max(this.#mostMb, Number(kB) / 1024)
  }

  /**
   * The highest memory of all starts. For the last start, which dispatches most events, also the highest in
   * the first and in the last third of the events that it dispatched after a quarter to warm up: a service
   * that stores something for each event has more in the last.
   */
  memory(): { readonly most: number; readonly first: number; readonly last: number } {
    const from = this.#memory[0]?.taken ?? 0
    const all = (this.#memory.at(-1)?.taken ?? 0) - from
    const most = (fromPart: number, toPart: number): number =>
      Math.max(
        ...this.#memory
          .filter(({ taken }) => taken >= from + all * fromPart && taken <= from + all * toPart)
          .map(({ mb }) => mb),
      )
    return { most: this.#mostMb, first: most(0.25, 0.5), last: most(0.75, 1) }
  }
}

/**
 * Waits until the targets have all events, and the service knows it. Events that are still in Kafka do not
 * count as waiting to be dispatched yet.
 */
async function allDispatched(
  { service }: StormedService,
  targets: readonly HandlerServer[],
): Promise<void> {
  await vi.waitFor(
    async () => {
      for (const { requests } of targets)
        expect(
          new Set(requests.map(({ headers }) => headers['webhook-id'])).size,
        ).toBeGreaterThanOrEqual(events)
      const response = await fetch(`${service.url}/metrics`, {
        headers: { authorization: `Bearer ${service.key}` },
      })
      expect(metric.exec(await response.text())?.[1]).toBe('0')
    },
    { timeout: 120_000 + events * 20, interval: 500 },
  )
}

function expectAllOnce(
  sent: readonly Sent[],
  statuses: ReadonlyMap<string, Set<number>>,
  targets: readonly HandlerServer[],
): void {
  expect([...(statuses.get('genuine') ?? [])]).toEqual([200])
  expect([...(statuses.get('old') ?? [])]).toEqual([401])
  expect([401, 429]).toEqual(expect.arrayContaining([...(statuses.get('forged') ?? [])]))
  const genuine = new Set(sent.filter(({ kind }) => kind === 'genuine').map(({ id }) => id))
  for (const { requests } of targets) {
    const seen = idsByEvent(requests)
    expect(new Set(seen.keys())).toEqual(genuine)
    expect([...seen.values()].every((ids) => ids.size === 1)).toBe(true)
  }
}

/** The kills by the part of the deliveries, from 0 to 1, after which each happens. */
type Kills = ReadonlyMap<number, () => Promise<void>>

interface Storm {
  readonly sent: readonly Sent[]
  readonly kills: Kills
  readonly urlNow: () => string
  /** The last statuses, by kind. */
  readonly statuses: Map<string, Set<number>>
  /** Answers after which a delivery was sent again; 0: none. */
  readonly putOff: Set<number>
}

/** Resolves with how long it took to send all, in ms. */
async function sendStorm({ sent, kills, urlNow, statuses, putOff }: Storm): Promise<number> {
  const startedMs = Date.now()
  let next = 0
  const sender = async (): Promise<void> => {
    for (let first = sent[next++]; first !== undefined; first = sent[next++]) {
      const status = await send(first, { urlNow, putOff })
      statuses.set(first.kind, (statuses.get(first.kind) ?? new Set()).add(status))
    }
  }
  const killer = async (): Promise<void> => {
    for (const [part, kill] of kills) {
      while (next < sent.length * part) await sleep(20)
      await kill()
    }
  }
  await Promise.all([killer(), ...Array.from({ length: parallel }, sender)])
  return Date.now() - startedMs
}

/** Kafka takes the deliveries in if there is a broker, else PostgreSQL. */
async function stormOn(broker: KafkaBroker | undefined): Promise<void> {
  await using folder = await serviceFolder()
  await using job = await handlerServer()
  await using hook = await handlerServer()
  const targets = [job, hook]
  const stormed = await StormedService.start(folder, {
    REACTOR_CONNECT_JOBS_HANDLERS: `work=${job.url}/work`,
    REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
    REACTOR_CONNECT_LOG_LEVEL: 'warn',
    ...(broker !== undefined && { REACTOR_CONNECT_KAFKA_BROKERS: broker.brokers.join(',') }),
  })
  const ordered = { target: `url:${hook.url}/hook`, order_by: '/key' }
  const dispatch = [{ target: 'job:work' }, ordered]
  const body = { name: 'storm', dispatch, signing_secret: secret }
  const { ingress_url: address } = await stormed.service.ask(receiver, '/receivers', { body })
  const { pathname } = new URL(address, stormed.service.url)
  const taken = (): number => job.requests.length + hook.requests.length
  const measuring = setInterval(() => void stormed.measure(taken()), 100)
  const sent = storm()
  const statuses = new Map<string, Set<number>>()
  const putOff = new Set<number>()
  const killService = (): Promise<void> => stormed.killAndStart()
  const killBroker = async (): Promise<void> => {
    await broker?.kill9()
    await sleep(3_000)
    await broker?.restart()
  }
  const kills = new Map([
    [1 / 4, killService],
    ...(broker === undefined ? [] : [[1 / 2, killBroker] as const]),
    [2 / 3, killService],
  ])
  const startedMs = Date.now()
  const urlNow = (): string => `${stormed.service.url}${pathname}`
  const sentMs = await sendStorm({ sent, kills, urlNow, statuses, putOff })
  await allDispatched(stormed, targets)
  const ms = Date.now() - startedMs
  clearInterval(measuring)
  const { most, first, last } = stormed.memory()
  const repeated = taken() - 2 * events
  const seconds = (some: number): string => `${(some / 1000).toFixed(1)} s`
  const mb = (some: number): string => `${some.toFixed(0)} MB`
  process.stdout.write(
    `${String(sent.length)} requests in ${seconds(sentMs)}, all dispatched after ${seconds(ms)}; ${String(repeated)} came twice; memory ${mb(most)} at most, ${mb(first)} at first, ${mb(last)} at last\n`,
  )
  expectAllOnce(sent, statuses, targets)
  expect(broker === undefined || putOff.has(503)).toBe(true)
  // At most what was on its way at the two kills.
  expect(repeated).toBeLessThanOrEqual(2 * 64)
  expect(last).toBeLessThan(first * mostGrowth)
}

describe.skipIf(process.env.STORM_EVENTS === undefined)('in a storm', () => {
  const timeoutMs = 240_000 + events * 60
  test(
    'every genuine event reaches each target although the service is killed twice; no forged or old one does; memory stays flat',
    () => stormOn(undefined),
    timeoutMs,
  )

  test(
    'deliveries are durable in Kafka, also if the broker is killed as well',
    async () => {
      await using broker = await startKafka()
      await stormOn(broker)
    },
    timeoutMs,
  )
})
