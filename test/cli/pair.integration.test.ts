import { expect, test } from 'vitest'
import { z } from 'zod'
import { contacts, createPairShop, type PairShop } from '../engine/two-way/pair-shop.ts'
import { shopPair } from './pair-files.ts'

async function fill({ a, b }: PairShop): Promise<void> {
  await a.query(`INSERT INTO account (name) VALUES ('Acme'), ('Globex')`)
  await a.query(`INSERT INTO contact (email, phone, score, account_id)
    VALUES ('ada@x', '1', 1.50, 1), ('bob@x', NULL, 2, 2), ('cy@x', '3', NULL, NULL)`)
  await b.query(`INSERT INTO company (title) VALUES ('Acme')`)
  await b.query(
    `INSERT INTO person (mail, tel, points) VALUES ('ada@x', '1', 7), ('dee@x', '4', 4)`,
  )
}

/** All rows of both sides, and the tables that a run makes. */
async function everything(shop: PairShop): Promise<unknown> {
  const tables = `SELECT relnamespace::regnamespace::text AS schema, relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 1, 2`
  return {
    contacts: await contacts(shop),
    a: await shop.a.query(tables),
    b: await shop.b.query(tables),
  }
}

interface Planned {
  readonly stream: string
  readonly side: string
  readonly operation: string
}

function countsOf(planned: readonly Planned[]): readonly (Planned & { readonly count: number })[] {
  const groups = Map.groupBy(
    planned,
    ({ stream, side, operation }) => `${stream} ${side} ${operation}`,
  )
  return [...groups]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([, group]) => group.slice(0, 1).map((first) => ({ ...first, count: group.length })))
}

const preview = z.looseObject({
  token: z.string(),
  token_needed: z.array(z.string()),
  streams: z.array(
    z.looseObject({
      name: z.string(),
      first_alignment: z.boolean(),
      changes: z.array(z.looseObject({ side: z.string(), operation: z.string() })),
      conflicts: z.array(
        z.looseObject({ field: z.string().nullable(), winner: z.string().nullable() }),
      ),
      held_deletes_on: z.array(z.string()),
    }),
  ),
})

test('a preview shows the first alignment and writes nothing; its token does exactly that', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await using file = await shopPair(shop, { create_limit: 3 })
  const before = await everything(shop)
  const shown = await file.pair(file.path, '--preview')
  expect(shown.code).toBe(0)
  expect(await everything(shop)).toEqual(before)
  expect(shown.out).toContain('contact (first alignment)')
  expect(shown.out).toMatch(/! a 1 \/ b [0-9a-f-]{36} score: a 1\.5, b 7; b wins, a loses 1\.5/)
  expect(shown.out).toMatch(/~ update a 1 from b [0-9a-f-]{36} \(score: 1\.5 -> 7\)/)
  expect(shown.out).toContain(
    '+ create on b from a 2 (account: the new account of a 2, email: bob@x',
  )
  expect(shown.out).toContain('needs the token: the first alignment creates 4 records')
  const [, token = ''] = /--token ([0-9a-f]{64})\n/.exec(shown.out) ?? []
  const json = preview.parse(JSON.parse((await file.pair(file.path, '--preview', '--json')).out))
  expect(json.token).toBe(token)
  await expect(file.pair(file.path)).rejects.toMatchObject({ code: 'pair_token_required' })
  await expect(file.pair(file.path, '--token', 'f'.repeat(64))).rejects.toMatchObject({
    code: 'pair_token_invalid',
  })
  expect(await everything(shop)).toEqual(before)
  const run = await file.pair(file.path, '--token', token)
  expect(run).toMatchObject({ code: 0 })
  expect(run.out).toMatch(/contact +3 +2 +0 +1 +0/)
  // The run has written what the preview showed.
  const written = await shop.a.query(
    `SELECT stream, side, operation, count(*)::int FROM reactor_connect.two_way_history
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  )
  const planned = json.streams.flatMap(({ name: stream, changes }) =>
    changes.map(({ side, operation }) => ({ stream, side, operation })),
  )
  expect(countsOf(planned)).toEqual(written)
  const { a, b } = await contacts(shop)
  expect(b).toEqual(a)
  expect(a).toContainEqual({ email: 'ada@x', phone: '1', score: 7, account: 'Acme' })
  await expect(file.pair(file.path, '--token', token)).rejects.toMatchObject({
    code: 'pair_token_invalid',
  })
  const quiet = await file.pair(file.path, '--preview')
  expect(quiet.out).toContain('nothing to do')
  expect(await file.pair(file.path)).toMatchObject({ code: 0 })
})

test('a preview shows updates field by field, conflicts, and deletions that need its token', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await using file = await shopPair(shop, { delete_limit: { records: 1, share: 0 } })
  expect(await file.pair(file.path)).toMatchObject({ code: 0 })
  await shop.a.query(`UPDATE contact SET phone = 'from a' WHERE email = 'cy@x'`)
  await shop.b.query(`UPDATE person SET tel = 'from b' WHERE mail = 'cy@x'`)
  await shop.a.query(`UPDATE contact SET score = 10 WHERE email = 'dee@x'`)
  await shop.b.query(`DELETE FROM person WHERE mail IN ('ada@x', 'bob@x')`)
  const before = await everything(shop)
  const shown = await file.pair(file.path, '--preview', '--json')
  expect(await everything(shop)).toEqual(before)
  const { token, token_needed: needed, streams } = preview.parse(JSON.parse(shown.out))
  const [contact] = streams
  expect(contact).toMatchObject({
    first_alignment: false,
    held_deletes_on: ['a'],
    conflicts: [
      {
        ...{ field: 'phone', rule: 'source_of_truth_b', winner: 'b', loser: 'a' },
        ...{ values: { a: 'from a', b: 'from b' }, lost: 'from a' },
      },
    ],
  })
  expect(contact?.changes.map(({ side, operation }) => `${operation} ${side}`).toSorted()).toEqual([
    'delete a',
    'delete a',
    'update a',
    'update b',
  ])
  expect(needed).toEqual(['contact: side a would lose more records than delete_limit allows'])
  const held = await file.pair(file.path)
  expect(held.code).toBe(3)
  expect(held.out).toContain('contact: deletions above delete_limit, not carried: 2')
  expect((await contacts(shop)).a).toHaveLength(4)
  await expect(file.pair(file.path, '--token', token)).rejects.toMatchObject({
    code: 'pair_token_invalid',
  })
  const next = preview.parse(JSON.parse((await file.pair(file.path, '--preview', '--json')).out))
  expect(await file.pair(file.path, '--token', next.token)).toMatchObject({ code: 0 })
  const { a, b } = await contacts(shop)
  expect(a).toHaveLength(2)
  expect(b).toEqual(a)
})

const reviewList = z.object({
  reviews: z.array(
    z.looseObject({ id: z.string(), kind: z.string(), field: z.string().nullable() }),
  ),
})

test('a conflict that waits for a person is listed, decided, and is in the history of its record', async () => {
  await using shop = await createPairShop()
  await fill(shop)
  await using file = await shopPair(shop)
  await file.pair(file.path)
  const reviews = async (): Promise<z.infer<typeof reviewList>['reviews']> =>
    reviewList.parse(JSON.parse((await file.pair('review', 'list', file.path, '--json')).out))
      .reviews
  expect(await reviews()).toEqual([])
  await shop.a.query(`UPDATE contact SET email = 'cy@a' WHERE email = 'cy@x'`)
  await shop.b.query(`UPDATE person SET mail = 'cy@b' WHERE mail = 'cy@x'`)
  const run = await file.pair(file.path)
  expect(run.out).toContain('contact: new conflicts that wait for a person: 1')
  expect(run.out).toContain('1 review open: reactor connect pair review list')
  const [review] = await reviews()
  expect(review).toMatchObject({
    kind: 'conflict',
    field: 'email',
    value_a: 'cy@a',
    value_b: 'cy@b',
  })
  const id = review?.id ?? ''
  expect((await file.pair('review', 'show', file.path, id)).out).toContain(
    'agreed before: a cy@x, b cy@x',
  )
  await expect(file.pair('review', 'resolve', file.path, id, '--create')).rejects.toMatchObject({
    code: 'pair_review_invalid',
  })
  await file.pair('review', 'resolve', file.path, id, '--winner', 'a')
  // The person decided about other values than there are now: it is asked again.
  await shop.b.query(`UPDATE person SET mail = 'cy@c' WHERE mail = 'cy@b'`)
  await file.pair(file.path)
  const [again] = await reviews()
  expect(again).toMatchObject({ value_a: 'cy@a', value_b: 'cy@c', decision: null })
  await file.pair('review', 'resolve', file.path, again?.id ?? '', '--winner', 'b')
  await file.pair(file.path)
  expect(await reviews()).toEqual([])
  const { a, b } = await contacts(shop)
  expect(b).toEqual(a)
  expect(a.map(({ email }) => email)).toContain('cy@c')
  const history = await file.pair('history', file.path, 'contact', '3')
  expect(history.out).toContain('create on b (email: cy@x')
  expect(history.out).toContain('b won (a person decided); a lost cy@a')
  expect(history.out).toContain('update on a (email: cy@a -> cy@c)')
  await expect(
    file.pair('review', 'resolve', file.path, id, '--winner', 'a'),
  ).rejects.toMatchObject({ code: 'pair_review_unknown' })
})

test('records with several possible counterparts wait, and a person says which belong together', async () => {
  await using shop = await createPairShop()
  await shop.a.query(`INSERT INTO contact (email, phone) VALUES ('ada@x', '1'), ('ada@x', '2')`)
  await shop.b.query(`INSERT INTO person (mail, tel) VALUES ('ada@x', '2')`)
  await using file = await shopPair(shop)
  await file.pair(file.path)
  expect((await contacts(shop)).a).toHaveLength(2)
  expect((await contacts(shop)).b).toHaveLength(1)
  const list = async (): Promise<z.infer<typeof reviewList>['reviews']> =>
    reviewList.parse(JSON.parse((await file.pair('review', 'list', file.path, '--json')).out))
      .reviews
  const reviews = await list()
  expect(reviews.map(({ kind }) => kind)).toEqual(['ambiguous', 'ambiguous', 'ambiguous'])
  const second = reviews.find(({ record_a: record }) => record === '2')?.id ?? ''
  const shown = await file.pair('review', 'show', file.path, second)
  const [, uid = ''] = /^b ([0-9a-f-]{36}): email=ada@x phone=2/m.exec(shown.out) ?? []
  await expect(
    file.pair('review', 'resolve', file.path, second, '--link', crypto.randomUUID()),
  ).rejects.toMatchObject({ code: 'pair_review_invalid' })
  await file.pair('review', 'resolve', file.path, second, '--link', uid)
  const [first] = await list()
  expect(await list()).toHaveLength(1)
  await file.pair('review', 'resolve', file.path, first?.id ?? '', '--create')
  await file.pair(file.path)
  const { a, b } = await contacts(shop)
  expect(b).toEqual(a)
  expect(b).toHaveLength(2)
  expect((await file.pair(file.path, '--preview')).out).toContain('nothing to do')
})

test('a refused write waits with its reason, and is sent again when a person says so', async () => {
  await using shop = await createPairShop()
  await shop.a.query(`INSERT INTO contact (email) VALUES ('ada@x')`)
  await shop.b.query('ALTER TABLE person ADD CONSTRAINT no_unlucky_number CHECK (points <> 13)')
  await using file = await shopPair(shop)
  expect(await file.pair(file.path)).toMatchObject({ code: 0 })
  await shop.a.query('UPDATE contact SET score = 13')
  const run = await file.pair(file.path)
  expect(run.code).toBe(3)
  expect(run.out).toContain('contact: writes that their side refused: 1')
  const [, id = ''] =
    /^([0-9a-f-]{36}) +refused/m.exec((await file.pair('review', 'list', file.path)).out) ?? []
  expect((await file.pair('review', 'show', file.path, id)).out).toContain(
    'a check constraint is violated',
  )
  await shop.b.query('ALTER TABLE person DROP CONSTRAINT no_unlucky_number')
  expect(await file.pair(file.path)).toMatchObject({ code: 3 })
  await file.pair('review', 'resolve', file.path, id, '--release')
  expect(await file.pair(file.path)).toMatchObject({ code: 0 })
  const { a, b } = await contacts(shop)
  expect(a).toMatchObject([{ score: 13 }])
  expect(b).toEqual(a)
})

test('a wrong pair file names the line, the field and the next step', async () => {
  await using shop = await createPairShop()
  await using file = await shopPair(shop, { rules: 'contact:review', delete_limits: {} })
  await expect(file.pair(file.path)).rejects.toMatchObject({ code: 'pair_file_invalid' })
  await using unruled = await shopPair(shop, { rules: 'contact:review' })
  await expect(unruled.pair(unruled.path)).rejects.toThrow('there is no rule for account')
  await using misspelt = await shopPair(shop, { rules: 'contact:last_write,account:review' })
  await expect(misspelt.pair(misspelt.path)).rejects.toMatchObject({
    code: 'conflict_rules_invalid',
  })
  await using same = await shopPair(shop, { b: { url: '${CRM_A}' } })
  await expect(same.pair(same.path)).rejects.toMatchObject({ code: 'pair_stream_invalid' })
})
