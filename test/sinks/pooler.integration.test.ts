import { expect, test } from 'vitest'
import { clientConfig } from '../../postgres/client-config.ts'
import { sharesProcess } from '../../postgres/pooler.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { testDatabase } from '../support/postgres.ts'

test('a session of its own is found to be that, and one whose process changes is not', async () => {
  await using db = await testDatabase()
  await using session = await DestinationSession.open({ address: db.address })
  const config = clientConfig(db.address)
  const pid = async (): Promise<number | undefined> => {
    const [row] = await session.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    return row?.pid
  }
  expect(await sharesProcess({ serverProcess: pid, config })).toBe(false)
  let other = 0
  expect(await sharesProcess({ serverProcess: () => Promise.resolve(++other), config })).toBe(true)
})
