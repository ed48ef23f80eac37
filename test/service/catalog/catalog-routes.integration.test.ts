import { expect, test } from 'vitest'
import { sampleDescriptor } from '../../support/sample-descriptor.ts'
import { TestApi } from '../../support/test-api.ts'

test('the catalog lists connectors, and shows the descriptor of one', async () => {
  await using api = await TestApi.start()
  const list = await api.call('GET /catalog')
  expect(list).toMatchObject({
    status: 200,
    body: {
      items: expect.arrayContaining([
        {
          type: 'faker',
          title: 'Faker',
          kind: 'native',
          streams: null,
          has_actions: false,
          problem: null,
        },
        expect.objectContaining({ type: 'gitlab', kind: 'bundled', problem: null }),
        expect.objectContaining({ type: 'postgres', kind: 'native' }),
        expect.objectContaining({ type: 'stripe', has_actions: true }),
      ]) as unknown,
      next_cursor: null,
    },
  })
  expect(await api.call('GET /catalog/faker')).toMatchObject({
    status: 200,
    body: { type: 'faker', docs_url: '/docs/connectors/faker.md', actions: [] },
  })
  const none = await api.call('GET /catalog/none')
  expect(none).toMatchObject({ status: 404, body: { error: { code: 'unknown_connector' } } })
})

test('a search finds connectors of the catalog, and says why it has no others', async () => {
  await using api = await TestApi.start()
  const { status, body } = await api.call('GET /catalog-search?text=STRIPE')
  expect(status).toBe(200)
  // No network of tests reaches Airbyte's list.
  expect(body).toMatchObject({
    items: [{ name: 'stripe', kind: 'native', runs: 'ready', import_as: null }],
    next_cursor: null,
  })
  expect(await api.call('GET /catalog-search?text=')).toMatchObject({ status: 400 })
})

test('a descriptor is shown whole, with the words of the API', async () => {
  await using api = await TestApi.start()
  api.service.catalog.get = () => Promise.resolve(sampleDescriptor)
  const { status, body } = await api.call('GET /catalog/vendor')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    type: 'vendor',
    docs_url: '/docs/connectors/vendor.md',
    spec: { properties: { token: { airbyte_secret: true } } },
    auth: [
      { kind: 'basic', username_field: 'user', password_field: 'token' },
      { kind: 'oauth2', authorize_url: 'https://vendor.example/authorize', scopes: ['read'] },
    ],
    actions: [{ name: 'ping', dry_run: 'synthesized' }],
    webhooks: [
      { name: 'events', signature: { timestamp: { from: 'header:x-time' } }, event_id: '/id' },
    ],
  })
})
