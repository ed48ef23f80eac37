import { randomUUID } from 'node:crypto'
import { describe, test } from 'vitest'
import { openInstance } from '../../../sinks/instance/instance-destination.ts'
import type { InstanceConfig } from '../../../sinks/instance/instance-place.ts'
import { openInstanceLane } from '../../../sinks/instance/open-lane.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { field, sobject } from '../../fakes/salesforce/objects.ts'
import { silent } from '../../support/logger.ts'
import { testDatabase } from '../../support/postgres.ts'
import { usuallyThird } from '../../support/long.ts'
import { killCases } from './kills-contract.ts'
import { modeCases } from './modes-contract.ts'
import type { DestinationSubject, Place, Rejection } from './subject.ts'

const subject: DestinationSubject = {
  name: 'instance',
  modes: ['append_dedup', 'overwrite', 'overwrite_dedup'],
  overwriteShows: 'with each commit',
  makePlace,
}

// The cases of the bookkeeping append rows, which an instance does not.
describe('the contract of a destination: instance', () => {
  test.each([...modeCases(subject), ...usuallyThird(2, killCases(subject))])(
    '$name',
    async ({ check }) => {
      await check(await subject.makePlace())
    },
  )
})

const text = { externalId: true, idLookup: true, unique: true } as const
/** Its fields have the names of the columns of the contract. */
const things = sobject('Things__c', {
  prefix: 'a09',
  fields: [
    field('Id', 'id', { createable: false, updateable: false, nillable: false, idLookup: true }),
    field('IsDeleted', 'boolean', { createable: false, updateable: false }),
    field('id__c', 'string', text),
    field('body__c'),
    field('v__c', 'double'),
  ],
})

async function makePlace(): Promise<Place> {
  const salesforce = await SalesforceSimulator.start()
  salesforce.organization.define(things)
  const database = await testDatabase()
  const config: InstanceConfig = {
    type: 'instance',
    instance: 'sf-prod',
    connector: 'salesforce',
    config: { api_url: salesforce.url, access_token: accessToken },
    secrets: [accessToken],
    allowedNetworks: ['127.0.0.1/32'],
    store: database.address,
    rules: [{ stream: 'things', object: 'Things__c' }],
    options: { deletes: 'delete', mode: 'fast' },
    releasesDeletes: true,
  }
  return {
    connection: `c_${randomUUID().slice(0, 8)}`,
    stream: 'things',
    config,
    open: () => openInstance(config, { logger: silent }),
    openLane: async (sync, partition = 0) => {
      const lane = await openInstanceLane(config, { sync, partition, logger: silent })
      await lane.setColumns(sync.sink.columns)
      return lane
    },
    rows: () => {
      const rows = salesforce.organization.visible('Things__c')
      const left = rows.filter(({ IsDeleted: gone }) => gone !== true)
      return Promise.resolve(
        left.map(({ id__c: id, body__c: body = null, v__c: v = null }) => ({
          id: Number(id),
          ...(body !== null && { body }),
          ...(v !== null && { v }),
        })),
      )
    },
    rejections: async () => {
      const rows = await database.query(
        'SELECT key, reason FROM reactor_connect_writes.rejects ORDER BY first_at, key',
      )
      return rows.map(({ key, reason }): Rejection => {
        const [slice = '', seq = ''] = String(key).split('#')
        return { slice, seq: Number(seq), reason: String(reason) }
      })
    },
  }
}
