import { expect, test } from 'vitest'
import { AwayServers } from '../../../engine/run/away-servers.ts'
import { ConnectError } from '../../../protocol/index.ts'

const place = { host: 'db', port: 5432, database: 'd', reason: 'connection refused' }
const refused = new ConnectError('source_unreachable', { details: place })

test('a server may come back for five minutes, over all streams', () => {
  const away = new AwayServers()
  expect(away.mayComeBack(refused, 1_000)).toBe(true)
  expect(away.mayComeBack(refused, 300_999)).toBe(true)
  expect(away.mayComeBack(refused, 301_000)).toBe(false)
  // The destination is another one.
  const other = new ConnectError('destination_unreachable', { details: place })
  expect(away.mayComeBack(other, 301_000)).toBe(true)
  away.noteProgress()
  expect(away.mayComeBack(refused, 301_000)).toBe(true)
})

test('a server that ends a session is not away', () => {
  const lost = new ConnectError('destination_connection_lost', { details: place })
  expect(new AwayServers().mayComeBack(lost, 0)).toBeUndefined()
})
