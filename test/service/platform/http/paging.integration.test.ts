import { expect, test } from 'vitest'
import { z } from 'zod'
import { fakerConfig, TestApi } from '../../../support/test-api.ts'
import { longTest } from '../../../support/long.ts'

const page = z.object({
  items: z.array(z.object({ name: z.string() })),
  next_cursor: z.string().nullable(),
})

test('pages follow each other without a gap or a repetition', async () => {
  await using api = await TestApi.start()
  const names = Array.from(
    { length: 125 },
    (_, index) => `instance-${String(index).padStart(3, '0')}`,
  )
  for (const name of names)
    await api.service.instances.create({ name, type: 'faker', config: fakerConfig })
  expect(await walk('')).toEqual({ names, pages: 3 })
  expect(await walk('&limit=1&type=faker')).toEqual({ names, pages: 125 })
  expect(await walk('&limit=200')).toEqual({ names, pages: 1 })

  async function walk(query: string): Promise<{ names: string[]; pages: number }> {
    const seen: string[] = []
    let pages = 0
    for (let cursor: string | null = ''; cursor !== null; pages += 1) {
      const suffix = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { body } = await api.call(`GET /instances?${`${query}${suffix}`.slice(1)}`)
      const { items, next_cursor: next } = page.parse(body)
      seen.push(...items.map(({ name }) => name))
      cursor = next
    }
    return { names: seen, pages }
  }
})

longTest(
  'every list takes a limit of 1 to 200, a cursor that it gave, and nothing that it does not know',
  async () => {
    await using api = await TestApi.start()
    await api.withConnection()
    for (const list of ['instances', 'connections', 'connections/shop/runs', 'api-keys']) {
      for (const query of ['', '?limit=1', '?limit=200', '?limit=007']) {
        expect((await api.call(`GET /${list}${query}`)).status, `${list}${query}`).toBe(200)
      }
      for (const limit of [
        '0',
        '201',
        '-1',
        '1.5',
        '1e2',
        '0x10',
        '%20',
        'all',
        '99999999999999999999',
        '',
      ]) {
        const { status, body } = await api.call(`GET /${list}?limit=${limit}`)
        expect(status, `${list} ${limit}`).toBe(400)
        expect(body).toMatchObject({ error: { code: 'request_invalid' } })
      }
      for (const query of [
        'limit=1&limit=2',
        'page=2',
        'cursor=',
        `cursor=${'x'.repeat(513)}`,
        'cursor=%00',
      ]) {
        expect((await api.call(`GET /${list}?${query}`)).status, `${list} ${query}`).toBe(400)
      }
      const foreign = await api.call(`GET /${list}?cursor=foreign`)
      expect(foreign).toMatchObject({ status: 400, body: { error: { code: 'cursor_invalid' } } })
    }
  },
)

longTest('pages keep their place while items come and go', async () => {
  await using api = await TestApi.start()
  await api.withConnection('paged')
  const from = 'paged-source'
  const input = {
    from,
    destination: 'data:p',
    streams: null,
    schedule: null,
    options: {},
    status: 'active',
  } as const
  const names = Array.from({ length: 90 }, (_, index) => `paged-${String(index).padStart(3, '0')}`)
  for (const name of names) await api.store.connections.create({ ...input, name, nextRunAt: null })
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const suffix = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { body } = await api.call(`GET /connections?instance=${from}&limit=20${suffix}`)
    const { items, next_cursor: next } = page.parse(body)
    seen.push(...items.map(({ name }) => name))
    const last = seen.at(-1)
    // The one that the cursor stands at goes, and one comes before it.
    if (next !== null && last !== undefined) {
      await api.store.connections.delete(last)
      const name = `${names[0] ?? ''}-${String(seen.length)}`
      await api.store.connections.create({ ...input, name, nextRunAt: null })
    }
    cursor = next
  }
  expect(seen).toEqual(['paged', ...names])
})

test('a cursor of another list, or a changed one, is refused', async () => {
  await using api = await TestApi.start()
  await api.withConnection('a')
  await api.withConnection('b')
  const { body } = await api.call('GET /connections?limit=1')
  const cursor = encodeURIComponent(page.parse(body).next_cursor ?? '')
  for (const route of [
    `GET /connections?cursor=x${cursor}`,
    'GET /connections?cursor=bm90aGluZw',
    'GET /connections/a/runs?cursor=bm90aGluZw',
    'GET /api-keys?cursor=bm90aGluZw',
  ]) {
    const answer = await api.call(route)
    expect(answer.status, route).toBe(400)
    expect(answer.body).toMatchObject({ error: { code: 'cursor_invalid' } })
  }
})
