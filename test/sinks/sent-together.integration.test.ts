import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { messageProxy, messageOf, type ServerMessage } from '../support/message-proxy.ts'
import { testDatabase } from '../support/postgres.ts'

/** The same result, but a failure is reported later than it would be directly. */
async function later<T>(result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    await sleep(20)
    throw error
  }
}

function tagOf({ payload }: ServerMessage): string {
  return payload.toString('latin1')
}

const insert = 'INSERT INTO public.notes VALUES ($1)'

test('statements that are sent together run in their order, and each has its own result', async () => {
  await using db = await testDatabase()
  await using session = await DestinationSession.open({ address: db.address })
  await db.query('CREATE TABLE public.notes (n int)')
  for (let round = 0; round < 20; round++) {
    const results = await session.transaction(
      () =>
        Promise.all([
          session.rows('SELECT $1::int AS n', [round]),
          session.rows(`${insert} RETURNING n`, [round]),
          session.rows('SELECT count(*)::int AS n FROM public.notes WHERE n <= $1', [round]),
        ]),
      { readsFirst: true },
    )
    expect(results).toEqual([[{ n: round }], [{ n: round }], [{ n: round + 1 }]])
  }
})

test('if one of them fails, its error is thrown, nothing of the transaction stays, and the session goes on', async () => {
  await using db = await testDatabase()
  await using session = await DestinationSession.open({ address: db.address })
  await db.query('CREATE TABLE public.notes (n int)')
  for (let round = 0; round < 3; round++) {
    const failing = session.transaction(async () => {
      await Promise.all([
        session.rows(insert, [1]),
        later(session.rows('SELECT 1 / $1::int', [0])),
        session.rows(insert, [2]),
      ])
    })
    await expect(failing).rejects.toMatchObject({ details: { sqlstate: '22012' } })
  }
  expect(await session.rows('SELECT n FROM public.notes')).toEqual([])
})

test('a statement that is sent with the COMMIT and fails is thrown, and nothing stays', async () => {
  await using db = await testDatabase()
  await using session = await DestinationSession.open({ address: db.address })
  await db.query('CREATE TABLE public.notes (n int)')
  const failing = session.transaction(async () => {
    await session.rows(insert, [1])
    session.rowsAtCommit('INSERT INTO public.notes SELECT 1 / $1::int', [0])
    session.rowsAtCommit(insert, [2])
  })
  await expect(failing).rejects.toMatchObject({ details: { sqlstate: '22012' } })
  expect(await session.rows('SELECT n FROM public.notes')).toEqual([])
  // Statements for a transaction that failed are not sent with the next one.
  const stopped = session.transaction(() => {
    session.rowsAtCommit(insert, [3])
    return Promise.reject(new Error('no'))
  })
  await expect(stopped).rejects.toThrow('no')
  await session.transaction(async () => {
    await session.rows(insert, [4])
  })
  expect(await session.rows('SELECT n FROM public.notes')).toEqual([{ n: 4 }])
})

test('if the server refuses the BEGIN, the first read throws that, and nothing after it is done', async () => {
  await using db = await testDatabase()
  await db.query('CREATE TABLE public.notes (n int)')
  await using proxy = await messageProxy(db.address.port)
  const refusal = messageOf(
    'E',
    Buffer.from('SERROR\0C57014\0Mcanceling statement due to user request\0\0'),
  )
  let refused = 0
  proxy.changes = () => (message) => {
    const isOfBegin = refused < 2 && message.type === 'C' && /^(BEGIN|SET)/.test(tagOf(message))
    if (!isOfBegin || (refused === 0 && !tagOf(message).startsWith('BEGIN'))) return undefined
    refused += 1
    return refused === 1 ? refusal : Buffer.alloc(0)
  }
  await using session = await DestinationSession.open({
    address: { ...db.address, port: proxy.port },
  })
  let done = 0
  const failing = session.transaction(
    async () => {
      await session.rows('SELECT $1::int', [1])
      done += 1
      await session.rows(insert, [1])
    },
    { readsFirst: true },
  )
  await expect(failing).rejects.toMatchObject({ details: { sqlstate: '57014' } })
  expect([refused, done]).toEqual([2, 0])
  expect(await db.query('SELECT n FROM public.notes')).toEqual([])
})

test('a COMMIT that the server answers with ROLLBACK is an error, and the session is not used again', async () => {
  await using db = await testDatabase()
  await using proxy = await messageProxy(db.address.port)
  let rolledBack = 0
  proxy.changes = () => (message) => {
    if (message.type !== 'C' || tagOf(message) !== 'COMMIT\0') return undefined
    rolledBack += 1
    return messageOf('C', Buffer.from('ROLLBACK\0'))
  }
  await using session = await DestinationSession.open({
    address: { ...db.address, port: proxy.port },
  })
  const failing = session.transaction(() => session.rows('SELECT $1::int', [1]))
  await expect(failing).rejects.toMatchObject({
    code: 'destination_connection_lost',
    details: { reason: 'it answered COMMIT with ROLLBACK' },
  })
  expect([rolledBack, session.isLost]).toEqual([1, true])
})

test('a message that PostgreSQL does not send ends the session, and not the process', async () => {
  await using db = await testDatabase()
  await using proxy = await messageProxy(db.address.port)
  await using session = await DestinationSession.open({
    address: { ...db.address, port: proxy.port },
  })
  const hasManyFields = Buffer.from([0xff, 0xff])
  proxy.changes = () => () => messageOf('T', hasManyFields)
  await using other = await DestinationSession.open({ address: db.address })
  await expect(session.rows('SELECT $1::int', [1])).resolves.toEqual([{ int4: 1 }])
  const opening = DestinationSession.open({ address: { ...db.address, port: proxy.port } })
  await expect(opening).rejects.toMatchObject({
    code: 'destination_connection_lost',
    details: {
      reason: expect.stringMatching(/^the server sent what PostgreSQL does not send: /) as unknown,
    },
  })
  await expect(other.rows('SELECT $1::int', [2])).resolves.toEqual([{ int4: 2 }])
})

test('a table that got other columns is read by a statement that the session has prepared', async () => {
  await using db = await testDatabase()
  await using session = await DestinationSession.open({ address: db.address })
  await db.query('CREATE TABLE public.notes (n int)')
  await db.query('INSERT INTO public.notes VALUES (1)')
  for (const change of [
    'SELECT 1',
    'SELECT 1',
    'ALTER TABLE public.notes ADD t text',
    'SELECT 1',
  ]) {
    await db.query(change)
    await expect(session.rows('SELECT n FROM public.notes WHERE n = $1', [1])).resolves.toEqual([
      { n: 1 },
    ])
    const [row] = await session.rows('SELECT * FROM public.notes WHERE n = $1', [1])
    expect(row?.n).toBe(1)
  }
})
