import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../../../manifest-interpreter/contracts.ts'
import { HttpResponse } from '../../../manifest-interpreter/http/http-response.ts'
import { ResponseCache } from '../../../manifest-interpreter/http/response-cache.ts'
import { ResponseHeaders } from '../../../manifest-interpreter/http/response-headers.ts'

function request(url: string, headers: Record<string, string> = {}): HttpRequest {
  return { method: 'GET', url, headers: new Map(Object.entries(headers)), body: null }
}

function response(body: string, status = 200): HttpResponse {
  return new HttpResponse({
    status,
    headers: new ResponseHeaders([['X-Page', body]]),
    url: 'https://api.test/x',
    body: Buffer.from(body),
  })
}

describe('the cache of responses', () => {
  it('keeps bodies beyond its bound in a file and gives them back whole', async () => {
    const cache = new ResponseCache({ maxBytes: 10 })
    const bodies = ['small', 'a'.repeat(100_000), 'b'.repeat(50_000), 'tiny']
    for (const [page, body] of bodies.entries())
      await cache.through('items', request(`https://api.test/x?p=${page}`), () =>
        Promise.resolve(response(body)),
      )
    for (const [page, body] of bodies.entries()) {
      const kept = await cache.through('items', request(`https://api.test/x?p=${page}`), () =>
        Promise.reject(new Error('It was not kept.')),
      )
      expect(kept.fromCache).toBe(true)
      expect(kept.headers.text('x-page')).toBe(body)
      expect(await kept.text()).toBe(body)
    }
    await cache.close()
  })

  it('knows requests by stream, URL, parameters in any order, and headers but credentials', async () => {
    const cache = new ResponseCache({ maxBytes: 1000 })
    const sent: string[] = []
    const send = async (name: string, { url, headers }: HttpRequest): Promise<void> => {
      await cache.through(name, { ...request(url), headers }, () => {
        sent.push(url)
        return Promise.resolve(response('x'))
      })
    }
    await send('a', request('https://api.test/x?p=1&q=2', { Authorization: 'one' }))
    await send('a', request('https://api.test/x?q=2&p=1', { authorization: 'two' }))
    expect(sent).toHaveLength(1)
    await send('b', request('https://api.test/x?p=1&q=2'))
    await send('a', request('https://api.test/x?p=1&q=3'))
    await send('a', request('https://api.test/x?p=1&q=2', { 'X-Kind': 'k' }))
    expect(sent).toHaveLength(4)
  })

  it('lets one of equal requests be under way, and the next one after a failure', async () => {
    const cache = new ResponseCache({ maxBytes: 1000 })
    const wanted = request('https://api.test/x')
    let count = 0
    const send = (): Promise<HttpResponse> => {
      count += 1
      return count === 1 ? Promise.reject(new Error('cut')) : Promise.resolve(response('x'))
    }
    const ask = (): Promise<HttpResponse> =>
      cache.inTurn('a', wanted, () => cache.through('a', wanted, send))
    const answers = await Promise.allSettled([ask(), ask(), ask()])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect(count).toBe(2)
  })
})
