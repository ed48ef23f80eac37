import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { receiverPath } from '../../../../service/webhooks/receivers/contract.ts'
import { signedHeaders } from '../../../../service/webhooks/signature/sign.ts'
import { standardRules, standardSecret } from '../../../support/deliveries.ts'
import { newReceiver } from '../../../support/open-test-store.ts'
import { seededRandom } from '../../../support/random.ts'
import { TestApi, type TestApiOptions } from '../../../support/test-api.ts'
import { isLong, longTest } from '../../../support/long.ts'

interface Target extends AsyncDisposable {
  readonly api: TestApi
  readonly port: number
  readonly token: string
}

async function open(options: TestApiOptions = {}): Promise<Target> {
  const api = await TestApi.start(options)
  const token = randomBytes(32).toString('base64url')
  const { id } = await newReceiver(api.store, 'events', {
    rules: { ...standardRules, eventId: '/id' },
    hasSecret: true,
    tokenHash: createHash('sha256').update(token).digest(),
  })
  await api.vault.put(receiverPath(id), { signing: standardSecret, dispatch: 'x' })
  await api.store.receivers.update('events', { isSecretNew: true })
  const target = { api, port: Number(new URL(api.url).port), token }
  await vi.waitFor(async () => {
    expect(await exchange(target.port, genuine(token, '{"id":"warm-up"}'))).toContain(' 200 ')
  }, 10_000)
  return { ...target, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

type Bytes = Buffer | string

function request(
  token: string,
  {
    method = 'POST',
    headers = {},
    body = '',
  }: {
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: Bytes
  } = {},
): Buffer {
  const all = {
    host: 'x',
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `${method} /connect/v1/ingress/${token} HTTP/1.1\r\n${lines.join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
}

function genuine(
  token: string,
  body: Bytes,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const options = { secret: standardSecret, nowMs: Date.now(), id: 'msg' }
  const signed = signedHeaders(standardRules.signature, Buffer.from(body), options)
  return request(token, { body, headers: { ...signed, ...headers } })
}

/**
 * Returns the bytes that come back until the server closes the connection. After `patienceMs` the sender
 * closes its side, as a sender that waits for nothing more does. Fails after ten seconds: nothing may hang.
 */
async function exchange(port: number, bytes: Buffer, patienceMs = 10_000): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const socket = connect({ port, host: '127.0.0.1' })
  const timer = setTimeout(() => {
    reject(new Error(`no end of ${bytes.subarray(0, 300).toString('latin1')}: ${text}`))
    socket.destroy()
  }, 10_000)
  const leave = setTimeout(() => socket.end(), patienceMs)
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => (text += chunk))
  socket.on('error', () => undefined) // It closed while something was on its way.
  socket.on('close', () => {
    clearTimeout(timer)
    clearTimeout(leave)
    resolve(text)
  })
  socket.write(bytes)
  return promise
}

/** Seeded: a run is always the same but for the token. */
class Choices {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = seededRandom(seed)
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit)
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('there is nothing to pick from')
    return item
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}

const bomb = gzipSync(Buffer.alloc(50_000_000))
const oddTokens = [
  '',
  '%',
  '%2f',
  '%2F..%2f..%2fcatalog',
  '..',
  '../catalog',
  '%2e%2e',
  '%00',
  '%zz',
  '%c0%af',
  '%f0%9f%98%80',
  '😀',
  'ü',
  ';a=b',
  '?token=x',
  '%3F',
  '#x',
  '%23',
  'a b',
  '*',
  ':token',
  '__proto__',
  'constructor',
  'x'.repeat(199),
  'x'.repeat(201),
  'x'.repeat(7_000),
  'x'.repeat(20_000),
  '%41'.repeat(90),
  '%F0'.repeat(60),
]
const oddTypes = [
  '',
  ';',
  '////',
  'application/json; charset=utf-7',
  'multipart/form-data',
  'ü',
  '\t',
]
const methods = [
  'GET',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'post',
  'QUERY',
  'M-SEARCH',
  'PRI',
  '',
]
const signatures = [
  '',
  'v1,',
  'v1',
  ',',
  'v1,ü',
  'v1,' + 'A'.repeat(7_000),
  Array.from({ length: 200 }, () => 'v1,AAAA').join(' '),
  'v1,AAAA v1,\x7f',
]
const bodies: readonly Bytes[] = [
  '',
  '{',
  'null',
  '[]',
  '{"id":null}',
  '{"id":{}}',
  `{"id":"${'x'.repeat(600)}"}`,
  '{"id":"\\u0000","type":"\\ud800"}',
  `{"id":1e400}`,
  '{"__proto__":{"id":"a"}}',
  '['.repeat(100_000),
  `${'{"id":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
  Buffer.from('{"id":"\xff"}', 'latin1'),
  bomb,
]

/** Each makes one request that no vendor sends. */
const makers: readonly ((random: Choices, token: string) => Buffer)[] = [
  (random) => request(random.pick(oddTokens), { body: random.pick(bodies) }),
  (random, token) => request(token, { method: random.pick(methods), body: '{}' }),
  (random, token) =>
    request(token, {
      body: random.pick(bodies),
      headers: {
        'webhook-id': random.pick(['', 'a', 'ü', 'x'.repeat(5_000)]),
        'webhook-timestamp': random.pick([
          '',
          '0',
          '-1',
          '1e9',
          '9'.repeat(400),
          String(Date.now()),
        ]),
        'webhook-signature': random.pick(signatures),
        'content-type': random.pick(oddTypes),
      },
    }),
  // Genuine, and unusable.
  (random, token) => genuine(token, random.pick(bodies.slice(0, 7))),
  (random, token) => genuine(token, '{"id":1}', { 'webhook-id': random.pick(['', 'other', 'ü']) }),
  (random, token) =>
    genuine(token, bomb, {
      'content-encoding': random.pick(['gzip', 'br', 'deflate', 'gzip, gzip', 'x', 'zstd']),
    }),
  // Lengths that are not those of the body.
  (random, token) => {
    const length = random.pick([
      '-1',
      '0x10',
      '1e3',
      '99999999999999999999',
      '+5',
      '5, 5',
      '',
      '3',
      '2000000',
    ])
    return request(token, { body: '{"id":1}', headers: { 'content-length': length } })
  },
  (random, token) =>
    request(token, { body: '{}', headers: { 'content-length': String(3 + random.below(90)) } }),
  (random, token) => {
    const coding = random.pick([
      'chunked',
      'xchunked',
      'gzip, chunked',
      'chunked, chunked',
      'identity',
    ])
    const body = random.pick([
      'zz\r\n',
      '5\r\nab',
      'fffffffffffffffff\r\n',
      '2;' + 'x'.repeat(9_000) + '\r\n{}\r\n0\r\n\r\n',
      '0\r\n\r\n',
      '-2\r\n{}\r\n',
    ])
    return request(token, { body, headers: { 'transfer-encoding': coding } })
  },
  // Floods and odd forms of headers.
  (random, token) => {
    const many = Array.from({ length: 50 + random.below(500) }, (_, index) => [
      `x-${String(index)}`,
      'y',
    ])
    return request(token, {
      headers: Object.fromEntries(many) as Record<string, string>,
      body: '{}',
    })
  },
  (random, token) =>
    request(token, { headers: { [`x-${'h'.repeat(random.below(20_000))}`]: 'y' } }),
  (random, token) => {
    const odd = random.pick([
      'x y: z',
      ': z',
      'x\0: y',
      'x: \0',
      ' folded: x',
      'x: y\r\n  z',
      'ü: x',
      'host: a\r\nhost: b',
    ])
    return Buffer.from(
      `POST /connect/v1/ingress/${token} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${odd}\r\ncontent-length: 2\r\n\r\n{}`,
    )
  },
  (random, token) =>
    request(token, {
      headers: { expect: random.pick(['100-continue', '200-ok', 'x']) },
      body: '{}',
    }),
  (random, token) =>
    request(token, {
      headers: { upgrade: random.pick(['websocket', 'h2c', 'x']), connection: 'upgrade' },
    }),
  // No HTTP, or cut off anywhere.
  (random) => random.bytes(1 + random.below(400)),
  (random, token) => {
    const whole = genuine(token, '{"id":"cut"}')
    return whole.subarray(0, random.below(whole.length))
  },
  (random, token) => {
    const whole = Buffer.from(genuine(token, '{"id":"changed"}'))
    const place = random.below(whole.length)
    whole[place] = (whole[place] ?? 0) ^ (1 << random.below(8))
    return whole
  },
]

const count = isLong ? 10_000 : 2_000
const senders = 64

test(
  'thousands of requests that nobody should send are refused, none of them by a failure',
  { timeout: 120_000 },
  async () => {
    await using target = await open({ limits: { requestsPerMinute: 0, failedLoginsPerMinute: 0 } })
    const { api, port, token } = target
    const random = new Choices(20_261_128)
    const requests = Array.from({ length: count }, () => random.pick(makers)(random, token))
    const statuses = new Map<string, number>()
    const wrong: string[] = []
    await Promise.all(
      Array.from({ length: senders }, async () => {
        for (let bytes = requests.pop(); bytes !== undefined; bytes = requests.pop()) {
          const text = await exchange(port, bytes, 100)
          const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 'none'
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
          const isLeak = [token, standardSecret.slice(6), 'node:', '/service/', 'at async'].some(
            (part) => text.includes(part) && !bytes.includes(part),
          )
          if (status.startsWith('5') || isLeak)
            wrong.push(`${bytes.subarray(0, 500).toString('latin1')}\n→ ${text}`)
        }
      }),
    )
    expect(wrong.slice(0, 3)).toEqual([])
    expect([...statuses.values()].reduce((sum, some) => sum + some, 0)).toBe(count)
    for (const status of ['400', '401', '413', '415', '429', '431'])
      expect(statuses.get(status), status).toBeGreaterThan(0)
    // A genuine delivery is still accepted, and nothing else was stored.
    expect(await exchange(port, genuine(token, '{"id":"after"}'))).toContain(' 200 ')
    const stored = await api.database.query(
      'SELECT DISTINCT event_id FROM reactor_connect_service.webhook_deliveries ORDER BY event_id',
    )
    expect(stored.map(({ event_id: id }) => id)).toEqual(
      expect.arrayContaining(['after', 'warm-up']),
    )
    for (const { event_id: id } of stored)
      expect(['1', 'after', 'changed', 'cut', 'warm-up']).toContain(id)
    const log = api.logLines.join('')
    expect(log).not.toContain(token)
    expect(log).not.toContain(standardSecret.slice(6))
  },
)

longTest('bodies that come too slowly are given up, and keep nobody waiting', async () => {
  await using target = await open({ receiveTimeoutMs: 1_000 })
  const { port, token } = target
  const whole = genuine(token, `{"id":"slow","x":"${'x'.repeat(2_000)}"}`)
  const slow = Array.from({ length: 50 }, async (_, index) => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const socket = connect({ port, host: '127.0.0.1' })
    let text = ''
    let sent = index * 10
    socket.write(whole.subarray(0, sent))
    const drip = setInterval(() => socket.write(whole.subarray(sent, ++sent)), 100)
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(drip)
      resolve(text)
    })
    return promise
  })
  for (let position = 0; position < 5; position++)
    expect(await exchange(port, genuine(token, `{"id":"quick-${String(position)}"}`))).toContain(
      ' 200 ',
    )
  for (const text of await Promise.all(slow))
    expect(text === '' || text.includes(' 408 ')).toBe(true)
})
