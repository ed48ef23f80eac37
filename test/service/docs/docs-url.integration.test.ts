import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ConnectError, errorCodes, type ErrorCodeName } from '../../../protocol/index.ts'
import { docsUrl } from '../../../service/platform/docs-url.ts'
import { endRun } from '../../support/run-by-hand.ts'
import { TestApi } from '../../support/test-api.ts'

const codes = Object.keys(errorCodes) as readonly ErrorCodeName[]
const errorBody = z.object({ error: z.object({ code: z.string(), docs_url: z.string() }) })

/**
 * Returns the error for a request with this `Host`. It does not use `fetch`, which sets the header itself.
 */
async function errorFor(url: string, host: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  request(url, { headers: { host } }, (response) => {
    json(response).then(resolve, reject)
  })
    .once('error', reject)
    .end()
  return errorBody.parse(await promise).error.docs_url
}

test('the docs_url of every error opens, without a key, as a page with a section about it', async () => {
  await using api = await TestApi.start()
  const pages = new Map<string, Promise<string>>()
  for (const code of codes) {
    const link = docsUrl(new ConnectError(code).toJSON().docs_url, '')
    const [path = '', anchor = ''] = link.split('#')
    const page =
      pages.get(path) ?? fetch(new URL(path, api.url)).then(async (found) => found.text())
    pages.set(path, page)
    expect((await page).includes(`<h2 id="${anchor}">`), link).toBe(true)
  }
})

test('a client that follows the docs_url of an error gets its page', async () => {
  await using api = await TestApi.start()
  const { body } = await api.call('GET /instances/none')
  const { error } = errorBody.parse(body)
  const page = await fetch(new URL(error.docs_url, api.url))
  expect(await page.text()).toContain('<h2 id="instance_not_found">')
})

test('the public URL of the service comes first, whatever the request says', async () => {
  const urls = { publicUrl: 'https://connect.example.com/base', ownUrls: ['http://127.0.0.1:8007'] }
  await using api = await TestApi.start({ urls })
  for (const host of ['127.0.0.1:8007', 'evil.example'])
    expect(await errorFor(`${api.url}/none`, host)).toBe(
      'https://connect.example.com/base/docs/errors/http.md#route_not_found',
    )
})

test('without one, an address of the service is repeated, and a made-up host never', async () => {
  await using api = await TestApi.start({
    urls: { ownUrls: ['http://127.0.0.1:8007', 'http://localhost:8007'] },
  })
  const url = `${api.url}/connect/v1/instances`
  expect(await errorFor(url, 'LOCALHOST:8007')).toBe(
    'http://localhost:8007/docs/errors/access.md#unauthorized',
  )
  for (const host of ['evil.example', 'localhost:8007@evil.example', '127.0.0.1:8008', ''])
    expect(await errorFor(url, host), host).toBe('/docs/errors/access.md#unauthorized')
})

test('an error inside of a run can be opened like any other, and is stored without a host', async () => {
  await using api = await TestApi.start({ urls: { publicUrl: 'https://connect.example.com' } })
  await api.withConnection()
  const run = await api.service.runs.start('shop')
  const kept = new ConnectError('source_unreachable').toJSON()
  await endRun(api.store.runs, run.id, { status: 'failed', error: kept })
  const { body } = await api.call(`GET /runs/${run.id}`)
  expect(errorBody.parse(body).error.docs_url).toBe(
    'https://connect.example.com/docs/errors/source.md#source_unreachable',
  )
  expect(kept.docs_url).toBe('docs/errors/source.md#source_unreachable')
})
