import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { contacts, createPairShop, type PairShop } from '../engine/two-way/pair-shop.ts'
import type { Row } from '../support/postgres.ts'
import { shopPair, type ShopPair } from './pair-files.ts'
import type { Started } from './reactor-command.ts'

const patience = { timeout: 30_000, interval: 20 }
const count = 60

async function fill({ a }: PairShop): Promise<void> {
  await a.query(`INSERT INTO account (name) VALUES ('Acme'), ('Globex')`)
  await a.query(`INSERT INTO contact (email, phone, score, account_id)
    SELECT n || '@x', '0', n, 1 + n % 2 FROM generate_series(1, ${String(count)}) n`)
}

const sides = {
  cdc: {
    a: { url: '${CRM_A}', changes: 'cdc' },
    b: { url: '${CRM_B}', changes: 'cdc' },
  },
  polling: { a: { url: '${CRM_A}', poll_seconds: 0.2 }, b: { url: '${CRM_B}', poll_seconds: 0.2 } },
} as const

async function settled(file: ShopPair): Promise<Started> {
  const pair = file.start(file.path, '--continuous')
  await pair.output('stdout', /contact: \d+ created|both sides are the same/)
  return pair
}

async function stop(pair: Started): Promise<void> {
  pair.process.kill('SIGTERM')
  expect(await pair.end).toMatchObject({ code: 0 })
}

/** Both sides have the same contacts, and that many of them. */
async function expectSame(shop: PairShop, records: number): Promise<void> {
  await vi.waitFor(async () => {
    const now = await contacts(shop)
    expect(now.a).toEqual(now.b)
    expect(now.a).toHaveLength(records)
  }, patience)
}

async function valueOf(shop: PairShop, side: 'a' | 'b', email: string): Promise<Row | undefined> {
  return (await contacts(shop))[side].find((row) => row.email === email)
}

test('changes of both sides are carried from the log as they happen, until the run is stopped', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await using file = await shopPair(shop, sides.cdc)
  const pair = await settled(file)
  await expectSame(shop, count)
  await shop.a.query(`UPDATE contact SET score = 1000 WHERE email = '1@x'`)
  await shop.b.query(`UPDATE person SET tel = 'from b' WHERE mail = '2@x'`)
  await shop.b.query(`INSERT INTO person (mail, tel, company)
    SELECT 'new@x', '9', uid FROM company WHERE title = 'Acme'`)
  await shop.a.query(`DELETE FROM contact WHERE email = '3@x'`)
  await expectSame(shop, count)
  expect(await valueOf(shop, 'b', '1@x')).toMatchObject({ score: 1000 })
  expect(await valueOf(shop, 'a', '2@x')).toMatchObject({ phone: 'from b' })
  expect(await valueOf(shop, 'a', 'new@x')).toMatchObject({ account: 'Acme', phone: '9' })
  expect(await valueOf(shop, 'b', '3@x')).toBeUndefined()
  const lines = await pair.output('stdout', /contact: .*1 deleted/)
  expect(lines.input).not.toContain('conflicts')
  await stop(pair)
  // The slots end with the run: nothing keeps the log of the servers.
  const slots = await shop.a.query(`SELECT FROM pg_replication_slots WHERE database IN ($1, $2)`, [
    shop.a.address.database,
    shop.b.address.database,
  ])
  expect(slots).toEqual([])
  expect((await file.pair(file.path)).out).toMatch(/contact +0 +0 +0 +0/)
})

test('many small deletions are held together as one large one would be', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await using file = await shopPair(shop, sides.cdc)
  const pair = await settled(file)
  for (let n = 1; n <= 20; n++) {
    await shop.a.query(`DELETE FROM contact WHERE email = $1`, [`${String(n)}@x`])
    await sleep(30)
  }
  await pair.output('stdout', /deletions held/)
  await stop(pair)
  const { b } = await contacts(shop)
  expect(b.length).toBeGreaterThanOrEqual(count - 10)
  expect(b.length).toBeLessThan(count)
})

test('without the log, the time of the last change shows edits, and a sweep the rest', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await using file = await shopPair(shop, { ...sides.polling, sweep_minutes: 0.05 })
  const pair = await settled(file)
  await shop.a.query(`UPDATE contact SET score = 7 WHERE email = '4@x'`)
  await shop.b.query(`UPDATE person SET tel = 'b' WHERE mail = '5@x'`)
  await expectSame(shop, count)
  expect(await valueOf(shop, 'b', '4@x')).toMatchObject({ score: 7 })
  // A time in the future does not hide what comes after it.
  await shop.a.query(`ALTER TABLE contact DISABLE TRIGGER touch`)
  await shop.a.query(`UPDATE contact SET score = 8, changed = '2099-01-01' WHERE email = '6@x'`)
  await expectSame(shop, count)
  await shop.a.query(`ALTER TABLE contact ENABLE TRIGGER touch`)
  await shop.a.query(`UPDATE contact SET score = 9 WHERE email = '7@x'`)
  await expectSame(shop, count)
  await shop.b.query(`DELETE FROM person WHERE mail = '8@x'`)
  await expectSame(shop, count - 1)
  await stop(pair)
})

test.for(['cdc', 'polling'] as const)(
  'killed again and again while both sides are edited, a run by %s loses and doubles nothing',
  async (changes) => {
    await using shop = await createPairShop()
    await fill(shop)
    await using file = await shopPair(shop, sides[changes])
    await stop(await settled(file))
    let edits = 0
    const editing = new AbortController()
    const editor = (async () => {
      while (!editing.signal.aborted) {
        edits += 1
        const email = `${String(1 + (edits % count))}@x`
        // Each side edits a field of its own, so that no edit may lose.
        await shop.a.query(`UPDATE contact SET score = $1 WHERE email = $2`, [edits, email])
        await shop.b.query(`UPDATE person SET tel = $1 WHERE mail = $2`, [String(edits), email])
        if (edits % 7 === 0)
          await shop.b.query(`INSERT INTO person (mail, tel) VALUES ($1, 'new')`, [
            `new ${String(edits)}@x`,
          ])
        await sleep(15)
      }
    })()
    for (const liveMs of [300, 700, 1_200]) {
      const pair = file.start(file.path, '--continuous')
      await pair.output('stderr', /until stopped/)
      await sleep(liveMs)
      pair.process.kill('SIGKILL')
      await once(pair.process, 'close')
      // The lock of the run that died is free when the server has seen its end.
      await sleep(300)
    }
    const last = await settled(file)
    await sleep(300)
    editing.abort()
    await editor
    await expectSame(shop, count + Math.floor(edits / 7))
    const scores = await shop.b.query(`SELECT max(points)::int AS last FROM person`)
    expect(scores).toEqual([{ last: edits }])
    await stop(last)
  },
)

test('a side whose sessions are ended is tried again, and what changed meanwhile is found', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await using file = await shopPair(shop, sides.cdc)
  const pair = await settled(file)
  const cut = (side: PairShop['a']): Promise<Row[]> =>
    side.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'pg_cron'`)
  for (const side of [shop.a, shop.b]) {
    await cut(side)
    await shop.a.query(`UPDATE contact SET score = score + 1 WHERE email = '9@x'`)
    await shop.b.query(`UPDATE person SET tel = tel || '+' WHERE mail = '10@x'`)
    await expectSame(shop, count)
  }
  await pair.output('stderr', /trying again in 1 s/)
  await stop(pair)
  expect(await valueOf(shop, 'b', '9@x')).toMatchObject({ score: 11 })
  expect(await valueOf(shop, 'a', '10@x')).toMatchObject({ phone: '0++' })
})

test('a run says what it cannot follow, and that a preview has an end', async () => {
  await using shop = await createPairShop()
  await shop.b.query(`ALTER TABLE person DROP CONSTRAINT person_pkey, ADD UNIQUE (uid)`)
  await using file = await shopPair(shop, {
    ...sides.cdc,
    streams: [
      {
        name: 'contact',
        a: 'contact',
        b: { table: 'person', key: 'uid' },
        fields: [{ name: 'email', b: 'mail' }],
      },
    ],
    rules: 'contact:review',
  })
  await expect(file.pair(file.path, '--continuous')).rejects.toThrow(
    'its replica identity lacks uid',
  )
  await expect(file.pair(file.path, '--continuous', '--preview')).rejects.toThrow(
    '--preview and --continuous exclude each other',
  )
})
