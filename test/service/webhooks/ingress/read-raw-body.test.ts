import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ByteBudget } from '../../../../service/webhooks/ingress/byte-budget.ts'
import { besideBodyBytes, readRawBody } from '../../../../service/webhooks/ingress/read-raw-body.ts'

const holder = '192.0.2.1'

/** A request as it looks to the code that reads its body. */
function requestOf(headers: Readonly<Record<string, string>> = {}): IncomingMessage & PassThrough {
  return Object.assign(new PassThrough(), { headers }) as unknown as IncomingMessage & PassThrough
}

describe('the body of a delivery', () => {
  test('comes as it was sent, in any number of pieces', async () => {
    for (const pieces of [[], ['abc'], ['a', 'b', 'c']]) {
      const request = requestOf()
      const reading = readRawBody(request, {
        ...{ maxBytes: 3, holder, budget: new ByteBudget(besideBodyBytes + 3) },
      })
      for (const piece of pieces) request.write(piece)
      request.end()
      using body = await reading
      expect(body.bytes.toString()).toBe(pieces.join(''))
    }
  })

  test('is refused before it is read if it says that it is too large, and as soon as it is', async () => {
    const budget = new ByteBudget(besideBodyBytes + 100)
    const said = requestOf({ 'content-length': '11' })
    const refused = { code: 'delivery_too_large', details: { limit: 10 } }
    await expect(readRawBody(said, { maxBytes: 10, budget, holder })).rejects.toMatchObject(refused)
    const request = requestOf()
    const reading = readRawBody(request, { maxBytes: 10, budget, holder })
    request.write('x'.repeat(6))
    request.write('x'.repeat(6))
    await expect(reading).rejects.toMatchObject(refused)
    expect(budget.take(holder, besideBodyBytes + 100)).toBe(true)
  })

  test('waits for nobody if all bodies together are too large, and gives its bytes back', async () => {
    const budget = new ByteBudget(besideBodyBytes + 15)
    const options = { maxBytes: 10, holder, budget }
    const first = requestOf()
    first.end('x'.repeat(10))
    const body = await readRawBody(first, options)
    const second = requestOf()
    second.end('x'.repeat(10))
    await expect(readRawBody(second, options)).rejects.toMatchObject({
      code: 'ingress_unavailable',
    })
    body[Symbol.dispose]()
    body[Symbol.dispose]()
    const third = requestOf()
    third.end('x'.repeat(10))
    using last = await readRawBody(third, options)
    expect(last.bytes).toHaveLength(10)
    expect(budget.take(holder, 5)).toBe(true)
    expect(budget.take(holder, 1)).toBe(false)
  })

  test('that breaks off is refused', async () => {
    const budget = new ByteBudget(besideBodyBytes + 10)
    const options = { maxBytes: 10, holder, budget }
    for (const fail of [undefined, new Error('aborted')]) {
      const request = requestOf()
      const reading = readRawBody(request, options)
      request.write('xx')
      request.destroy(fail)
      await expect(reading).rejects.toMatchObject({ code: 'request_invalid' })
    }
    expect(budget.take(holder, besideBodyBytes + 10)).toBe(true)
  })

  test('in pieces of one byte takes no more memory than is counted', async () => {
    const budget = new ByteBudget(1_000_000)
    const request = requestOf({ 'content-length': '100000' })
    const reading = readRawBody(request, { maxBytes: 200_000, budget, holder })
    const expected = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251))
    for (const byte of expected) request.write(Buffer.from([byte]))
    request.end()
    using body = await reading
    expect(body.bytes.equals(expected)).toBe(true)
    expect(body.bytes.buffer.byteLength).toBe(100_000)
    expect(budget.take(holder, 1_000_000 - 100_000 - besideBodyBytes + 1)).toBe(false)
    expect(budget.take(holder, 1_000_000 - 100_000 - besideBodyBytes)).toBe(true)
  })

  test('of one address takes only its share, and leaves the rest to others', async () => {
    const budget = new ByteBudget(8 * besideBodyBytes, 2 * besideBodyBytes)
    const options = { maxBytes: 10_000, budget }
    const mine = requestOf()
    mine.end('x'.repeat(5_000))
    using first = await readRawBody(mine, { ...options, holder })
    const next = requestOf()
    next.end('x'.repeat(5_000))
    const refused = { code: 'ingress_unavailable' }
    await expect(readRawBody(next, { ...options, holder })).rejects.toMatchObject(refused)
    const other = requestOf()
    other.end('x'.repeat(5_000))
    using second = await readRawBody(other, { ...options, holder: '192.0.2.2' })
    expect([first.bytes.length, second.bytes.length]).toEqual([5_000, 5_000])
  })

  test('that is announced takes nothing before it comes, and is cut if it does not', async () => {
    const budget = new ByteBudget(besideBodyBytes + 1_000_000)
    const slow = requestOf({ 'content-length': '1000000' })
    const options = { maxBytes: 1_000_000, budget, holder, pieceMs: 50 }
    const reading = readRawBody(slow, options)
    slow.write('x')
    expect(budget.take(holder, 900_000)).toBe(true)
    budget.give(holder, 900_000)
    await expect(reading).rejects.toMatchObject({ code: 'delivery_too_slow' })
    expect(budget.take(holder, besideBodyBytes + 1_000_000)).toBe(true)
  })

  test('may come slowly as long as it goes on', async () => {
    const budget = new ByteBudget(10_000_000)
    const request = requestOf()
    const options = { maxBytes: 2_000_000, budget, holder, pieceMs: 200 }
    const reading = readRawBody(request, options)
    for (let piece = 0; piece < 6; piece++) {
      request.write(Buffer.alloc(262_144))
      await sleep(60)
    }
    request.end()
    using body = await reading
    expect(body.bytes).toHaveLength(6 * 262_144)
  })

  test('counts until the work with it has settled, also after its answer', async () => {
    const budget = new ByteBudget(besideBodyBytes + 10)
    for (const end of ['resolve', 'reject'] as const) {
      const request = requestOf()
      request.end('x'.repeat(10))
      const body = await readRawBody(request, { maxBytes: 10, budget, holder })
      const work = Promise.withResolvers<undefined>()
      body.holdFor(work.promise)
      body[Symbol.dispose]()
      expect(budget.take(holder, 1)).toBe(false)
      if (end === 'resolve') work.resolve(undefined)
      else work.reject(new Error('PostgreSQL has gone'))
      await sleep(0)
      expect(budget.take(holder, besideBodyBytes + 10)).toBe(true)
      budget.give(holder, besideBodyBytes + 10)
    }
  })
})
