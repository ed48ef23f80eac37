import { expect, test } from 'vitest'
import type { LinkChange, LinkStore } from '../../../engine/two-way/link-store.ts'
import type { PairSide } from '../../../engine/two-way/pair-side.ts'
import { newLink, type Link } from '../../../sinks/two-way/link.ts'
import { changesOf, contacts, createPairShop, runRound, type PairShop } from './pair-shop.ts'

/** Two accounts and three contacts on `a`, two contacts on `b`; one of them is on both. */
async function fill({ a, b }: PairShop): Promise<void> {
  await a.query(`INSERT INTO account (name) VALUES ('Acme'), ('Globex')`)
  await a.query(`INSERT INTO contact (email, phone, score, account_id)
    VALUES ('ada@x', '1', 1.50, 1), ('bob@x', NULL, 2, 2), ('cy@x', '3', NULL, NULL)`)
  await b.query(`INSERT INTO company (title) VALUES ('Acme')`)
  await b.query(
    `INSERT INTO person (mail, tel, points) VALUES ('ada@x', '1', 1.5), ('dee@x', '4', 4)`,
  )
}

async function expectSame(shop: PairShop): Promise<void> {
  const { a, b } = await contacts(shop)
  expect(b).toEqual(a)
}

async function expectQuiet(shop: PairShop): Promise<void> {
  const before = await contacts(shop)
  const report = await runRound(shop)
  expect(changesOf(report, 'contact')).toEqual({})
  expect(changesOf(report, 'account')).toEqual({})
  expect(await contacts(shop)).toEqual(before)
}

test('the first alignment matches by a field, creates the rest with its references, and is then quiet', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  const report = await runRound(shop)
  expect(changesOf(report, 'account')).toEqual({ created: 1 })
  expect(changesOf(report, 'contact')).toEqual({ created: 3, updated: 1 })
  await expectSame(shop)
  expect((await contacts(shop)).b).toEqual([
    { email: 'ada@x', phone: '1', score: 1.5, account: 'Acme' },
    { email: 'bob@x', phone: null, score: 2, account: 'Globex' },
    { email: 'cy@x', phone: '3', score: null, account: null },
    { email: 'dee@x', phone: '4', score: 4, account: null },
  ])
  const stamps = await shop.b.query('SELECT mail, changed FROM person ORDER BY mail')
  await expectQuiet(shop)
  expect(await shop.b.query('SELECT mail, changed FROM person ORDER BY mail')).toEqual(stamps)
})

test('edits of both sides are carried, merged by field, and conflicts end by their rule', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await runRound(shop)
  await shop.a.query(`UPDATE contact SET email = 'ada@y' WHERE email = 'ada@x'`)
  await shop.b.query(`UPDATE person SET points = 9 WHERE mail = 'ada@x'`)
  await shop.b.query(`UPDATE person SET company = NULL WHERE mail = 'bob@x'`)
  await shop.b.query(`UPDATE person SET tel = 'from b' WHERE mail = 'cy@x'`)
  await shop.a.query(`UPDATE contact SET phone = 'from a' WHERE email = 'cy@x'`)
  await shop.a.query(`UPDATE contact SET score = 10 WHERE email = 'dee@x'`)
  await shop.b.query(`UPDATE person SET points = 20 WHERE mail = 'dee@x'`)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ updated: 5, conflicts: 2 })
  await expectSame(shop)
  expect((await contacts(shop)).a).toEqual([
    { email: 'ada@y', phone: '1', score: 9, account: 'Acme' },
    { email: 'bob@x', phone: null, score: 2, account: null },
    { email: 'cy@x', phone: 'from b', score: null, account: null },
    { email: 'dee@x', phone: '4', score: 20, account: null },
  ])
  const lost = await shop.a.query(`SELECT field, rule, winner, value_a, value_b
    FROM reactor_connect.two_way_conflicts WHERE field <> 'name' ORDER BY field`)
  expect(lost).toEqual([
    {
      field: 'phone',
      rule: 'source_of_truth_b',
      winner: 'b',
      value_a: 'from a',
      value_b: 'from b',
    },
    { field: 'score', rule: 'last_write_wins', winner: 'b', value_a: '10', value_b: '20' },
  ])
  await expectQuiet(shop)
})

test('a deletion is carried; too many at once are held until a person allows them', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await shop.a.query(`INSERT INTO contact (email) SELECT 'n' || i FROM generate_series(1, 30) i`)
  await runRound(shop)
  await shop.b.query(`DELETE FROM person WHERE mail = 'bob@x'`)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ deleted: 1 })
  await expectSame(shop)
  await shop.b.query(`DELETE FROM person WHERE mail LIKE 'n%'`)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ heldDeletes: 30 })
  expect((await contacts(shop)).a).toHaveLength(33)
  const allowing = {
    ...shop,
    pair: { ...shop.pair, options: { ...shop.pair.options, allowsDeletes: true } },
  }
  expect(changesOf(await runRound(allowing), 'contact')).toEqual({ deleted: 30 })
  await expectSame(shop)
  await expectQuiet(shop)
})

/** Dies when the results of writes are stored: the records are there, and the links do not know it. */
function diesAfterWrites(store: LinkStore): LinkStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'save')
        return async (change: LinkChange) => {
          if (change.history.length > 0) throw new Error('the process died')
          await target.save(change)
        }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

test('a run that dies between a write and its bookkeeping doubles nothing', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  for (let run = 0; run < 6; run++)
    await runRound(shop, { store: diesAfterWrites }).catch((error: unknown) => {
      expect(String(error)).toContain('the process died')
    })
  await runRound(shop)
  await expectSame(shop)
  expect((await contacts(shop)).b).toHaveLength(4)
  expect(await shop.b.query('SELECT title FROM company ORDER BY title')).toEqual([
    { title: 'Acme' },
    { title: 'Globex' },
  ])
  await expectQuiet(shop)
})

test('a session that is cut within a write loses nothing and doubles nothing', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await shop.b.query('CREATE SEQUENCE cuts')
  await shop.b.query(`CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF nextval(''cuts'') < 3 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END'`)
  await shop.b.query(
    'CREATE TRIGGER cut AFTER INSERT ON person FOR EACH ROW EXECUTE FUNCTION cut()',
  )
  const unknown = []
  for (let run = 0; run < 4; run++)
    unknown.push(changesOf(await runRound(shop), 'contact').unknown ?? 0)
  expect(unknown[0]).toBeGreaterThan(0)
  expect(unknown.at(-1)).toBe(0)
  await expectSame(shop)
  expect((await contacts(shop)).b).toHaveLength(4)
  await expectQuiet(shop)
})

test('a second run of the same pair is turned away', async () => {
  await using shop = await createPairShop()
  const slow = runRound(shop, {
    store: (store) => {
      const proxy = diesAfterWrites(store)
      return new Proxy(proxy, {
        get: (target, name) => {
          if (name !== 'countLinked') return Reflect.get(target, name, target) as unknown
          return async (stream: string) => {
            await expect(runRound(shop)).rejects.toMatchObject({ code: 'pair_busy' })
            return target.countLinked(stream)
          }
        },
      })
    },
  })
  await slow
})

test('a run that loses the session of its lock stops before its next write', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  const cut = async (): Promise<void> => {
    await shop.a.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
      WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
  }
  const run = runRound(shop, {
    store: (store) =>
      new Proxy(store, {
        get: (target, name) => {
          if (name === 'save')
            return async (change: LinkChange) => {
              await target.save(change)
              await cut()
            }
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      }),
  })
  await expect(run).rejects.toMatchObject({ code: 'pair_lock_lost' })
  expect((await contacts(shop)).b).toHaveLength(2)
  expect(await shop.b.query('SELECT title FROM company')).toEqual([{ title: 'Acme' }])
  await runRound(shop)
  await runRound(shop)
  await expectSame(shop)
  expect((await contacts(shop)).b).toHaveLength(4)
  await expectQuiet(shop)
})

test('a record is not linked anew as long as it could be one whose creation has no known result', async () => {
  await using shop = await createPairShop()
  await runRound(shop)
  const linkOf = (id: string, write: unknown): Link => {
    const link = newLink(id, 'contact', { a: null, b: null })
    return { ...link, b: { ...link.b, write: write as Link['b']['write'] } }
  }
  const pending = {
    ...{ id: 'w', operation: 'create', values: { email: 'x@x' }, source: {} },
    ...{ expected: null, sentAtMs: 0 },
  }
  const links = [
    ...Array.from({ length: 1_200 }, (_, index) => linkOf(`l${String(index)}`, null)),
    linkOf('m', pending),
  ]
  await shop.a.query(
    `INSERT INTO reactor_connect.two_way_links (pair, id, stream, status, present_a, present_b, is_dirty, link)
     SELECT 'crm', link ->> 'id', 'contact', 'linked', true, true, true, link
     FROM json_array_elements($1::json) AS link`,
    [JSON.stringify(links)],
  )
  await shop.b.query(`INSERT INTO person (mail) VALUES ('x@x')`)
  const forgetful = (side: PairSide): PairSide =>
    new Proxy(side, {
      get: (target, name) => {
        if (name === 'recover')
          return (_stream: string, writes: readonly unknown[]) =>
            Promise.resolve(writes.map(() => ({ known: 'record', read: { found: 'unread' } })))
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  const report = await runRound(shop, {
    sides: ({ a, b }) => ({ a: forgetful(a), b: forgetful(b) }),
  })
  expect(changesOf(report, 'contact')).toEqual({ unknown: 1 })
  expect((await contacts(shop)).a).toEqual([])
})
