import { describe, expect, test } from 'vitest'
import { TestApi } from '../../../support/test-api.ts'

describe('an action of a connector', () => {
  test('is reached by an agent in a dry-run only', async () => {
    await using api = await TestApi.start()
    const { key } = await api.service.apiKeys.create({ name: 'assistant', kind: 'agent' })
    const invoke = (body: unknown): ReturnType<TestApi['asked']> =>
      api.asked('POST /instances/shop/actions/ping/invoke', {
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    for (const body of [{}, { dry_run: false }, [], 'x']) {
      const { status, body: answer } = await invoke(body)
      expect(status, JSON.stringify(body)).toBe(403)
      expect(answer).toMatchObject({
        error: { suggested_fix: expect.stringContaining('"dry_run": true') as unknown },
      })
    }
    // A caller that meant a dry-run learns how it is written.
    for (const body of [{ dry_run: 'true' }, { dry_run: 1 }]) {
      const { status, body: answer } = await invoke(body)
      expect(status, JSON.stringify(body)).toBe(400)
      expect(JSON.stringify(answer)).toContain('body/dry_run: must be true, false')
    }
    // Not denied: there is no such instance.
    expect((await invoke({ input: {}, dry_run: true })).status).toBe(404)
    // No sandbox deletes a connection.
    const headers = { authorization: `Bearer ${key}` }
    const { body: denied } = await api.asked('DELETE /connections/none', { headers })
    expect(denied).toMatchObject({
      error: { suggested_fix: expect.stringMatching(/^Ask a person to do this/) as unknown },
    })
  })
})
