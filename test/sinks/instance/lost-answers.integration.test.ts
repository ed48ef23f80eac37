import pino from 'pino'
import { expect, test } from 'vitest'
import type { RecordWriter, WriteRequest } from '../../../connectors/record-writer.ts'
import type { ConfiguredAirbyteStream, JsonObject } from '../../../protocol/index.ts'
import { deleteUnseen } from '../../../sinks/instance/delete-unseen.ts'
import type { InstanceConfig } from '../../../sinks/instance/instance-place.ts'
import { mapRecord } from '../../../sinks/instance/mapping/map-record.ts'
import { bindStream, openWriter, targetOf } from '../../../sinks/instance/open-writer.ts'
import { RecordSender } from '../../../sinks/instance/record-sender.ts'
import { WriteStore } from '../../../sinks/instance/store/write-store.ts'
import type { SinkStream, StreamSync } from '../../../sinks/sink.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { neverAborted } from '../../support/signal.ts'
import { testDatabase } from '../../support/postgres.ts'

const signal = neverAborted()
const fields = { Code__c: 'code', Name: 'name', Tier__c: 'tier' }
const sink = {
  connection: 'accounts-back',
  stream: {
    stream: { name: 'accounts', json_schema: {}, supported_sync_modes: ['full_refresh'] },
    sync_mode: 'full_refresh',
    destination_sync_mode: 'overwrite',
    primary_key: [['code']],
  } as unknown as ConfiguredAirbyteStream,
  columns: ['code', 'name', 'tier'].map((name) => ({ name, kind: 'json' })),
  mode: 'overwrite',
} as unknown as SinkStream

/** Whole reads of a table, each a sync of its own, beside the vendor. */
interface Mirror extends AsyncDisposable {
  read(rows: readonly JsonObject[], through?: (writer: RecordWriter) => RecordWriter): Promise<void>
  /** By their codes. */
  vendor(): ReadonlyMap<unknown, JsonObject>
}

async function openMirror(): Promise<Mirror> {
  const parts = new AsyncDisposableStack()
  const salesforce = parts.use(await SalesforceSimulator.start())
  const database = parts.use(await testDatabase())
  const config: InstanceConfig = {
    type: 'instance',
    instance: 'sf',
    connector: 'salesforce',
    config: { access_token: accessToken, api_url: salesforce.url },
    secrets: [],
    allowedNetworks: ['127.0.0.1/32'],
    store: database.address,
    rules: [{ stream: 'accounts', object: 'Account', fields }],
    options: { deletes: 'delete', mode: 'fast' },
  }
  const writer = parts.use(await openWriter(config, { logger: pino({ level: 'silent' }), signal }))
  const store = parts.use(await WriteStore.open(config.store))
  const mapping = await bindStream(sink, config, writer)
  const target = await targetOf(sink, config, mapping)
  const requireOwn = (): Promise<void> => Promise.resolve()
  let syncId = 0
  return {
    read: async (rows, through = (own) => own) => {
      syncId += 1
      const sender = new RecordSender({
        ...{ mapping, store, target, syncId, signal, requireOwn },
        writer: through(writer),
        choices: config.options,
        notesSeen: true,
        admitDeletes: () => undefined,
      })
      await sender.send(
        rows.map((row) => ({
          record: mapRecord(row, mapping),
          source: () => JSON.stringify(row),
        })),
      )
      const rest = {
        config,
        store,
        writer,
        mapping,
        signal,
        requireOwn,
        sinceMs: Date.now(),
        isEmptied: false,
      }
      await deleteUnseen({ syncId, sink } as StreamSync, rest)
    },
    vendor: () => {
      const rows = salesforce.organization.visible('Account')
      const present = rows.filter(({ IsDeleted: isDeleted }) => isDeleted !== true)
      return new Map(present.map((row) => [row.Code__c, row]))
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** The vendor carries a write out, and the process dies before it learns of it. */
function dyingAfterWrite(writer: RecordWriter): RecordWriter {
  return {
    describe: (object) => writer.describe(object),
    read: (request) => writer.read(request),
    write: async (request: WriteRequest) => {
      await writer.write(request)
      throw new Error('the process died')
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

const row = (code: string, name: string, tier = 'Gold'): JsonObject => ({ code, name, tier })

test('a record that was created unnoticed is deleted when the next read no longer has it', async () => {
  await using mirror = await openMirror()
  await mirror.read([row('a', 'one')])
  const second = mirror.read([row('a', 'one'), row('b', 'two')], dyingAfterWrite)
  await expect(second).rejects.toThrow()
  expect([...mirror.vendor().keys()].toSorted()).toEqual(['a', 'b'])
  await mirror.read([row('a', 'one')])
  expect([...mirror.vendor().keys()]).toEqual(['a'])
})

test('values that were written unnoticed are corrected, although a version between was refused', async () => {
  await using mirror = await openMirror()
  await mirror.read([row('a', 'one')])
  await expect(mirror.read([row('a', 'two')], dyingAfterWrite)).rejects.toThrow()
  await mirror.read([row('a', 'three', 'Bronze')])
  await mirror.read([row('a', 'one')])
  expect(mirror.vendor().get('a')).toMatchObject({ Name: 'one' })
})

test('a record that the vendor refuses to change is not gone, and stays there', async () => {
  await using mirror = await openMirror()
  await mirror.read([row('a', 'one')])
  await mirror.read([row('a', 'two', 'Bronze')])
  expect(mirror.vendor().get('a')).toMatchObject({ Name: 'one' })
  await mirror.read([])
  expect(mirror.vendor().size).toBe(0)
})
