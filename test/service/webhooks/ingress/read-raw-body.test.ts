import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ByteBudget, readRawBody } from '../../../../service/webhooks/ingress/read-raw-body.ts'

/** As a request looks to who reads its body. */
function requestOf(headers: Readonly<Record<string, string>> = {}): IncomingMessage & PassThrough {
  return Object.assign(new PassThrough(), { headers }) as unknown as IncomingMessage & PassThrough
}

describe('the body of a delivery', () => {
  test('comes as it was sent, in any number of pieces', async () => {
    for (const pieces of [[], ['abc'], ['a', 'b', 'c']]) {
      const request = requestOf()
      const reading = readRawBody(request, { maxBytes: 3, budget: new ByteBudget(3) })
      for (const piece of pieces) request.write(piece)
      request.end()
      using body = await reading
      expect(body.bytes.toString()).toBe(pieces.join(''))
    }
  })

  test('is refused before it is read if it says that it is too large, and as soon as it is', async () => {
    const budget = new ByteBudget(100)
    const said = requestOf({ 'content-length': '11' })
    const refused = { code: 'delivery_too_large', details: { limit: 10 } }
    await expect(readRawBody(said, { maxBytes: 10, budget })).rejects.toMatchObject(refused)
    const request = requestOf()
    const reading = readRawBody(request, { maxBytes: 10, budget })
    request.write('x'.repeat(6))
    request.write('x'.repeat(6))
    await expect(reading).rejects.toMatchObject(refused)
    expect(budget.take(100)).toBe(true)
  })

  test('waits for nobody if all bodies together are too large, and gives its bytes back', async () => {
    const options = { maxBytes: 10, budget: new ByteBudget(15) }
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
    expect(options.budget.take(5)).toBe(true)
    expect(options.budget.take(1)).toBe(false)
  })

  test('that breaks off is refused', async () => {
    const options = { maxBytes: 10, budget: new ByteBudget(10) }
    for (const fail of [undefined, new Error('aborted')]) {
      const request = requestOf()
      const reading = readRawBody(request, options)
      request.write('xx')
      request.destroy(fail)
      await expect(reading).rejects.toMatchObject({ code: 'request_invalid' })
    }
    expect(options.budget.take(10)).toBe(true)
  })
})
