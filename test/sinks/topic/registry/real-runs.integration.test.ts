import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freePort } from '../../../../service/platform/postgres/free-port.ts'
import { eventsOf } from '../../../cli/reactor-command.ts'
import { errorOf, openAvroShop, type AvroShop } from './avro-shop.ts'
import { startRealRegistry, type RealRegistry } from './real-registry.ts'

/** Needs Java and Maven: `npm run test:long -- registry` sets REAL_REGISTRY. */
const wanted = process.env.REAL_REGISTRY !== undefined
const limitMs = 5 * 60_000

describe.runIf(wanted)('runs with a real registry', { timeout: limitMs }, () => {
  let port: number
  let folder: string
  let registry: RealRegistry
  beforeAll(async () => {
    port = await freePort()
    folder = await mkdtemp(join(tmpdir(), 'registry-'))
    registry = await startRealRegistry({ port, folder })
  }, limitMs)
  afterAll(async () => {
    await registry[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const openShop = (): Promise<AvroShop> =>
    openAvroShop({
      url: registry.url,
      schemaOf: async (id) => {
        const response = await fetch(`${registry.url}/schemas/ids/${String(id)}`)
        return z.object({ schema: z.string() }).parse(await response.json()).schema
      },
    })

  test('load columns that come and go under the strictest rule; another type is loaded when the rule allows it', async () => {
    await using shop = await openShop()
    const { db, connection } = shop
    const subject = `${connection}.things-value`
    expect((await shop.load()).code).toBe(0)
    await setRule(subject, 'FULL_TRANSITIVE')
    await db.query(`ALTER TABLE things ADD COLUMN colour text;
      INSERT INTO things (id, body, price, colour) VALUES (3, 'c', 9, 'red')`)
    expect((await shop.load()).code).toBe(0)
    await db.query(
      `ALTER TABLE things DROP COLUMN body; INSERT INTO things (id, price) VALUES (4, 10)`,
    )
    expect((await shop.load()).code).toBe(0)
    const before = await shop.rows()
    // A row with the last cursor may be read again, and is then without its column.
    expect(before).toMatchObject([
      { id: 1, body: 'a', price: 7 },
      { id: 2, price: 8 },
      { id: 3, price: 9, colour: 'red' },
      { id: 4, price: 10, colour: null },
    ])

    await db.query(`ALTER TABLE things ALTER COLUMN price TYPE text;
      INSERT INTO things (id, price) VALUES (5, 'dear')`)
    expect(errorOf(await shop.load())).toMatchObject({
      code: 'schema_incompatible',
      message: expect.stringContaining('FULL_TRANSITIVE') as string,
    })
    expect(await shop.rows()).toEqual(before)
    // As docs/errors/schema_incompatible.md says.
    await setRule(subject, 'NONE')
    expect((await shop.load()).code).toBe(0)
    const after = await shop.rows()
    expect(after).toHaveLength(5)
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3))
    expect(after[4]).toEqual({ id: 5, price: 'dear', colour: null })
    const removed = await fetch(`${registry.url}/config/${subject}`, { method: 'DELETE' })
    expect(removed.status).toBe(200)
  })

  test('that is killed say so, and the next run loads what is missing once it is there again', async () => {
    await using shop = await openShop()
    expect((await shop.load()).code).toBe(0)
    await registry[Symbol.asyncDispose]()
    await shop.db.query(`INSERT INTO things VALUES (3, 'c', 9)`)
    const started = performance.now()
    expect(errorOf(await shop.load())).toMatchObject({ code: 'schema_registry_unreachable' })
    expect(performance.now() - started).toBeLessThan(60_000)
    registry = await startRealRegistry({ port, folder })
    const end = await shop.load()
    expect(end.code, end.stderr).toBe(0)
    expect(eventsOf(end).at(-1)?.streams).toMatchObject([{ status: 'complete', loaded: 1 }])
  })

  test('that come back without their schemas are refused, and get none; with them, the next run goes on', async () => {
    await using shop = await openShop()
    expect((await shop.load()).code).toBe(0)
    await registry[Symbol.asyncDispose]()
    {
      await using empty = await startRealRegistry({ port })
      await shop.db.query(`INSERT INTO things VALUES (3, 'c', 9)`)
      expect(errorOf(await shop.load())).toMatchObject({ code: 'destination_topic_form_changed' })
      expect(await (await fetch(`${empty.url}/subjects`)).json()).toEqual([])
    }
    registry = await startRealRegistry({ port, folder })
    expect((await shop.load()).code).toBe(0)
    expect(await shop.rows()).toHaveLength(3)
  })

  async function setRule(subject: string, compatibility: string): Promise<void> {
    const response = await fetch(`${registry.url}/config/${subject}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ compatibility }),
    })
    expect(response.status).toBe(200)
  }
})
