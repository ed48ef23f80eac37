import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { requestFailure } from '../../protocol/index.ts'

let server: Server
let url: string
beforeEach(async () => {
  server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${z.object({ port: z.number() }).parse(server.address()).port}/`
})
afterEach(() => server.close())

async function failureOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  )
  return requestFailure(error)
}

test('a port on which nothing listens is named as the reason, with the code', async () => {
  server.close()
  await once(server, 'close')
  expect(await failureOf(fetch(url))).toBe('nothing listens on that port (ECONNREFUSED)')
})

test('a server that does not respond in time is the reason', async () => {
  const asking = fetch(url, { signal: AbortSignal.timeout(50) })
  expect(await failureOf(asking)).toBe('it did not respond in time')
})

test('a connection that is reset is named by its code', async () => {
  server.on('connection', (socket) => socket.once('data', () => socket.resetAndDestroy()))
  expect(await failureOf(fetch(url))).toContain('ECONNRESET')
})

test('an answer that ends in the middle has a reason that says more than that it failed', async () => {
  server.on('connection', (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')),
  )
  const answer = await fetch(url)
  expect(await failureOf(answer.text())).not.toMatch(/^(fetch failed|terminated)$/)
})

test('an error that is not of the network is its own reason', () => {
  expect(requestFailure(new TypeError('its answer is not JSON'))).toBe('its answer is not JSON')
  expect(requestFailure('no error at all')).toBe('no error at all')
})
