import { expect, test } from 'vitest'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import { testService } from '../../support/test-service.ts'

test('a stop in the wait after a limit leaves the key of a call free that may not be repeated', async () => {
  const stopping = new AbortController()
  await using vendor = await ScriptedVendor.start(() => ({
    status: 429,
    headers: { 'retry-after': '15' },
    body: { message: 'slow down' },
  }))
  await using test = await testService({ isOneDatabase: true, stopping: stopping.signal })
  const config = {
    access_token: 'ghp_planted4711secret',
    api_url: vendor.url,
    repositories: ['acme/shop'],
  }
  await test.service.instances.create({ name: 'hub', type: 'github', config })
  const principal = { id: 'key_1', kind: 'operator' } as const
  const input = { owner: 'acme', repo: 'shop', title: 'It breaks' }
  const call = { instance: 'hub', action: 'createIssue', input, principal }
  const prepared = await test.service.actions.prepare(call)
  const keys = (): Promise<unknown> =>
    test.metadata.query(`SELECT key, answer FROM reactor_connect_service.idempotency_keys`)

  const refused = expect(prepared.invoke({ idempotencyKey: 'stopped' })).rejects.toMatchObject({
    code: 'action_rate_limited',
    retryable: true,
  })
  await expect.poll(() => test.logged.join(), { timeout: 20_000 }).toContain('sent again, waiting')
  expect(await keys()).toEqual([{ key: 'stopped', answer: null }])
  stopping.abort()
  await refused
  expect(await keys()).toEqual([])
  expect(vendor.requests).toHaveLength(1)
})
