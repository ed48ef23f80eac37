import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { z } from 'zod'
import { newReceiverDocument } from '../../../../service/webhooks/receivers/schema.ts'
import { TestApi } from '../../../support/test-api.ts'

export const job = [{ target: 'job:process-stripe-event' }]

/** Starts an API that has instances of three connectors: Stripe, GitHub, and one without webhooks. */
export async function apiForReceivers(): Promise<TestApi> {
  const api = await TestApi.start({
    logLevel: 'trace',
    environment: { REACTOR_CONNECT_PUBLIC_URL: 'https://connect.example.com' },
  })
  const { instances } = api.service
  await instances.create({ name: 'my-stripe', type: 'stripe', config: {} })
  const github = { repositories: ['acme/shop'] }
  await instances.create({ name: 'my-github', type: 'github', config: github })
  const postgres = { host: 'db', user: 'reader', database: 'shop' }
  await instances.create({ name: 'shop', type: 'postgres', config: postgres })
  return api
}

export const secretOf = (what: string): string => `whsec_${what}${randomBytes(12).toString('hex')}`

export async function makeReceiver(
  api: TestApi,
  body: object,
): Promise<z.output<typeof newReceiverDocument>> {
  const answer = await api.call('POST /receivers', body)
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return newReceiverDocument.parse(answer.body)
}

export async function refused(api: TestApi, route: string, body?: object): Promise<unknown> {
  const answer = await api.call(route, body)
  expect(answer.status, JSON.stringify(answer.body)).toBeGreaterThanOrEqual(400)
  return answer.body
}

export const code = (name: string): object => ({
  error: expect.objectContaining({ code: name }) as unknown,
})
export const problem = (text: string): object => ({
  error: expect.objectContaining({
    code: 'request_invalid',
    message: expect.stringContaining(text) as unknown,
  }) as unknown,
})

export function tokenIn(url: string): string {
  const [, token = ''] =
    /^https:\/\/connect\.example\.com\/connect\/v1\/ingress\/(.+)$/.exec(url) ?? []
  expect(token).toMatch(/^rcvt_[\w-]{43}$/)
  return token
}
