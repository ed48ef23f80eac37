import { expect, test } from 'vitest'
import {
  sweepDestinations,
  sweepSandboxes,
  type SweepOptions,
} from '../../../service/sandboxes/sweep-sandboxes.ts'
import { ulid } from '../../../service/platform/database/ids.ts'
import { keptOfPrincipal } from '../../../service/sandboxes/contract.ts'
import { createSandboxSchema } from '../../../sinks/postgres/sandbox/sandbox-schema.ts'
import { DestinationSession } from '../../../sinks/postgres/session.ts'
import { openShop, type Shop } from './sandbox-shop.ts'
import { silent } from '../../support/logger.ts'

const hourMs = 3_600_000

/** The schema of a sandbox, as one that runs makes it. */
async function makeSchema({ test }: Shop, id: string): Promise<string> {
  await using session = await DestinationSession.open(await test.addressOf('data:any'))
  const schema = `reactor_sandbox_${id.slice(4).toLowerCase()}`
  const now = Date.now()
  const times = { createdAtMs: now, expiresAtMs: now + hourMs }
  await createSandboxSchema(session, { id, schema, connection: 'any', ...times })
  return schema
}

/** A sandbox that is ready, with its schema. */
async function readySandbox(shop: Shop, name: string, lifetimeMs = hourMs): Promise<string> {
  const token = await shop.readyToken(name, { lifetimeMs })
  return makeSchema(shop, `sbx_${token.split('.')[1] ?? ''}`)
}

function optionsOf({ test }: Shop): SweepOptions {
  const { store, addressOf } = test
  const checkDataService = (): Promise<void> => Promise.resolve()
  return { store, addressOf, checkDataService, logger: silent, now: Date.now }
}

test('the schemas of sandboxes that have served are dropped; those still good, or of another service, stay', async () => {
  await using shop = await openShop()
  const { test: service } = shop
  const { connections, sandboxes } = service.service
  for (const name of ['good', 'expired', 'orphan', 'dead']) await shop.connect(name)
  const good = await readySandbox(shop, 'good')
  await readySandbox(shop, 'expired', 1)
  await readySandbox(shop, 'orphan')
  await readySandbox(shop, 'dead')
  const foreign = await makeSchema(shop, `sbx_${ulid(Date.now())}`)
  await connections.delete('orphan')
  await service.metadata.query(
    `UPDATE reactor_connect_service.sandboxes
     SET status = 'running', beat_at = now() - interval '1 minute'
     WHERE connection_id = (SELECT id FROM reactor_connect_service.connections WHERE name = 'dead')`,
  )
  expect(await shop.schemas()).toHaveLength(5)
  const options = optionsOf(shop)
  await sweepSandboxes(options)
  await sweepDestinations(options)
  expect(await shop.schemas()).toEqual([good, foreign].toSorted())
  expect(await sandboxes.list('dead', {})).toMatchObject({ items: [{ status: 'failed' }] })

  // Nothing leads to it, and the time that is noted at it is over.
  await sweepDestinations({ ...options, now: () => Date.now() + 2 * hourMs })
  expect(await shop.schemas()).toEqual([good])
})

test('the newest sandboxes of a connection are kept, and a destination out of reach holds up none of the others', async () => {
  await using shop = await openShop()
  await shop.connect('shop')
  const made: string[] = []
  for (let count = 0; count < keptOfPrincipal + 2; count++)
    made.push(await readySandbox(shop, 'shop'))
  await shop.test.metadata.query(
    `INSERT INTO reactor_connect_service.sandboxes
       (id, destination, status, principal, limit_rows, expires_at)
     VALUES ('sbx_0', 'postgres:away', 'ready', 'p', 1, now() - interval '1 day'),
       ('sbx_1', 'postgres:nowhere', 'ready', 'p', 1, now() - interval '1 day')`,
  )
  await sweepSandboxes(optionsOf(shop))
  await sweepDestinations(optionsOf(shop))
  expect(await shop.schemas()).toEqual(made.slice(2).toSorted())
})
