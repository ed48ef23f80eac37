import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { standardWebhooks } from '../../../connectors/webhook-signature.ts'
import { signedHeaders } from '../../../service/webhooks/signature/sign.ts'
import { serviceFolder, type ServiceProcess } from '../../support/service-process.ts'
import { handlerServer, type ReceivedRequest } from './dispatch/handler-server.ts'

/** `npm run test:storm` sends 50,000. */
const events = Number(process.env.STORM_EVENTS ?? 0)
const parallel = 64
const secret = `whsec_${Buffer.alloc(24, 3).toString('base64')}`
const wrongSecret = `whsec_${Buffer.alloc(24, 4).toString('base64')}`
const receiver = z.object({ ingress_url: z.string() })
const metric = /^reactor_connect_webhooks_dispatches_waiting (\d+)$/m

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

/** Sends until there is an answer, as vendors do. Resolves with the status. */
async function send({ id, kind }: Sent, urlNow: () => string): Promise<number> {
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
    if (status !== 0 && status !== 429 && status < 500) return status
    await sleep(100)
  }
}

async function memoryOf(service: ServiceProcess): Promise<number> {
  const status = await readFile(`/proc/${String(service.process.pid)}/status`, 'utf8').catch(
    () => '',
  )
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
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

test.skipIf(process.env.STORM_EVENTS === undefined)(
  'in a storm every genuine event reaches each target although the service is killed twice, and no forged or old one does',
  async () => {
    await using folder = await serviceFolder()
    await using job = await handlerServer()
    await using hook = await handlerServer()
    const environment = {
      REACTOR_CONNECT_JOBS_HANDLERS: `work=${job.url}/work`,
      REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
      REACTOR_CONNECT_LOG_LEVEL: 'warn',
    }
    let service = await folder.start({ environment })
    const { key } = service
    const ordered = { target: `url:${hook.url}/hook`, order_by: '/key' }
    const dispatch = [{ target: 'job:work' }, ordered]
    const body = { name: 'storm', dispatch, signing_secret: secret }
    const { ingress_url: address } = await service.ask(receiver, '/receivers', { body })
    const { pathname } = new URL(address, service.url)
    const sent = storm()
    const statuses = new Map<string, number[]>()
    const memory: number[] = []
    let next = 0
    const sender = async (): Promise<void> => {
      for (let one = sent[next++]; one !== undefined; one = sent[next++]) {
        const status = await send(one, () => `${service.url}${pathname}`)
        statuses.set(one.kind, [...(statuses.get(one.kind) ?? []).slice(-1e5), status])
      }
    }
    const killer = async (): Promise<void> => {
      for (const part of [1 / 3, 2 / 3]) {
        while (next < sent.length * part) {
          memory.push(await memoryOf(service))
          await sleep(50)
        }
        await service.kill9()
        service = await folder.start({ environment, key })
      }
    }
    const startedMs = Date.now()
    await Promise.all([killer(), ...Array.from({ length: parallel }, sender)])
    const sentMs = Date.now() - startedMs
    for (const [kind, all] of statuses)
      expect(
        all.every((status) => (kind === 'genuine' ? status < 300 : status === 401)),
        kind,
      ).toBe(true)
    await vi.waitFor(
      async () => {
        memory.push(await memoryOf(service))
        const response = await fetch(`${service.url}/metrics`, {
          headers: { authorization: `Bearer ${key}` },
        })
        expect(metric.exec(await response.text())?.[1]).toBe('0')
      },
      { timeout: 120_000 + events * 20, interval: 500 },
    )
    const genuine = new Set(sent.filter(({ kind }) => kind === 'genuine').map(({ id }) => id))
    for (const { requests } of [job, hook]) {
      const seen = idsByEvent(requests)
      expect(new Set(seen.keys())).toEqual(genuine)
      expect([...seen.values()].every((ids) => ids.size === 1)).toBe(true)
    }
    const repeated = job.requests.length + hook.requests.length - 2 * genuine.size
    // At most what was on its way at the two kills.
    expect(repeated).toBeLessThanOrEqual(2 * 64)
    const most = Math.max(...memory)
    expect(most).toBeLessThan(700)
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
    process.stdout.write(
      `${String(sent.length)} requests in ${seconds(sentMs)}, all dispatched after ${seconds(Date.now() - startedMs)}; ${String(repeated)} came twice; ${most.toFixed(0)} MB at most\n`,
    )
  },
  180_000 + events * 60,
)
