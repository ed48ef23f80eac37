import { expect, test } from 'vitest'
import type { WritableField, WritableObject } from '../../../connectors/record-writer.ts'
import type { ConfiguredAirbyteStream, JsonObject } from '../../../protocol/index.ts'
import { DeleteGuard } from '../../../sinks/instance/delete-guard.ts'
import { bindMapping, type BoundMapping } from '../../../sinks/instance/mapping/bind-mapping.ts'
import { mapRecord } from '../../../sinks/instance/mapping/map-record.ts'
import type { WriteRule } from '../../../sinks/instance/mapping/write-rules.ts'
import { planWrites, type SentRecord } from '../../../sinks/instance/plan-writes.ts'
import type { SinkStream } from '../../../sinks/sink.ts'

const field = (name: string, facts: Partial<WritableField> = {}): WritableField => ({
  name,
  type: 'string',
  onCreate: true,
  onUpdate: true,
  isRequired: false,
  refersTo: [],
  ...facts,
})

const account: WritableObject = {
  name: 'Account',
  operations: ['create', 'update', 'upsert', 'delete'],
  repeats: ['update', 'upsert', 'delete'],
  externalIds: ['Code__c'],
  batchSize: 200,
  conditional: 'guarded',
  fields: [
    field('Id', { onCreate: false, onUpdate: false }),
    field('Code__c'),
    field('LastName'),
    field('Tier__c'),
    field('City'),
    field('Score', { onCreate: false, onUpdate: false }),
    field('ParentId', { refersTo: ['Account'] }),
  ],
}

function sinkOf(columns: readonly string[], key: readonly string[] = []): SinkStream {
  const stream = {
    stream: { name: 'accounts', json_schema: {}, supported_sync_modes: ['full_refresh'] },
    sync_mode: 'full_refresh',
    destination_sync_mode: 'append',
    primary_key: key.map((name) => [name]),
  } as unknown as ConfiguredAirbyteStream
  return {
    connection: 'c',
    stream,
    columns: columns.map((name) => ({ name, kind: 'json' })),
    mode: 'append_dedup',
    metadata: 'none',
    deletes: 'hard',
  } as unknown as SinkStream
}

function bind(rule: Partial<WriteRule>, columns: readonly string[]): BoundMapping {
  return bindMapping(sinkOf(columns), { stream: 'accounts', ...rule }, account)
}

test('columns go into the fields with their names, and the others are reported', () => {
  const mapping = bindMapping(sinkOf(['code', 'last_name', 'note', 'score']), undefined, account)
  expect(mapping.keyField).toBe('Code__c')
  expect(mapping.fields.map(({ field: { name } }) => name)).toEqual(['LastName'])
  expect(mapping.unmapped).toEqual(['note', 'score'])
})

test('fields are renamed, constant, translated, parts of JSON, and references', () => {
  const mapping = bind(
    {
      fields: {
        Code__c: 'code',
        LastName: { value: 'none' },
        Tier__c: { column: 'tier', map: { gold: 'Gold', '1': 'Silver' } },
        City: { column: 'extra', path: '$..address[0].city' },
        ParentId: { column: 'parent', reference: 'Code__c' },
      },
    },
    ['code', 'tier', 'extra', 'parent'],
  )
  const extra = { a: { address: [{ city: 'Kraków' }] } }
  expect(mapRecord({ code: 'A', tier: 1, extra, parent: 'P' }, mapping)).toEqual({
    key: 'A',
    keyValue: 'A',
    fields: { LastName: 'none', Tier__c: 'Silver', City: 'Kraków' },
    references: { ParentId: { externalIdField: 'Code__c', value: 'P' } },
    isGone: false,
  })
  // A column that was not sent leaves its field alone, and NULL empties it.
  expect(mapRecord({ code: 'A', tier: null }, mapping).fields).toEqual({
    LastName: 'none',
    Tier__c: null,
  })
  expect(() => mapRecord({ code: 'A', tier: 'tin' }, mapping)).toThrow('does not have its value')
  expect(() => mapRecord({ code: null }, mapping)).toThrow('no value for Code__c')
})

test('numbers keep their digits', () => {
  const mapping = bind({ fields: { Code__c: 'code', City: 'n' } }, ['code', 'n'])
  const { fields } = mapRecord({ code: 'A', n: 9_007_199_254_740_993n }, mapping)
  expect(JSON.stringify(fields)).toBe('{"City":9007199254740993}')
})

test.each([
  [{ fields: { Code__c: 'code', Nme: 'code' } }, 'has no field `Nme`'],
  [{ fields: { Code__c: 'cde' } }, 'no column `cde` (did you mean `code`?)'],
  [{ fields: { Code__c: 'code', Score: 'code' } }, 'may not write `Score`'],
  [{ fields: { LastName: 'code' } }, 'by which field records are found'],
  [{ key: 'Code__c', fields: { LastName: 'code' } }, 'has no `Code__c`'],
  [
    { fields: { Code__c: 'code', City: { column: 'code', path: '$[?(@.a == 1)]' } } },
    'filters and scripts',
  ],
  [{ fields: { Code__c: 'code', City: { column: 'code', path: '$[(@.length-1)]' } } }, 'scripts'],
])('the rule %j is refused', (rule, problem) => {
  expect(() => bind(rule, ['code'])).toThrow(problem)
})

const sent = (key: string, fields: JsonObject): SentRecord => ({
  key,
  id: `id-${key}`,
  fields,
  version: 'v',
  isPending: false,
})

test('only changed fields of changed records are planned', () => {
  const mapping = bind({ fields: { Code__c: 'c', LastName: 'l', City: 'y' } }, ['c', 'l', 'y'])
  const records = [
    mapRecord({ c: 'new', l: 'L', y: 'Y' }, mapping),
    mapRecord({ c: 'same', l: 'L', y: 'Y' }, mapping),
    mapRecord({ c: 'changed', l: 'L', y: null }, mapping),
    mapRecord({ c: 'gone', _ab_cdc_deleted_at: '2026' }, mapping),
    mapRecord({ c: 'never', _ab_cdc_deleted_at: '2026' }, mapping),
  ]
  const known = ['same', 'changed', 'gone'].map((key) => sent(key, { LastName: 'L', City: 'Y' }))
  const before = new Map(known.map((record) => [record.key, record]))
  const plan = planWrites(records, before, { mapping, deletes: 'delete', isGuarded: true })
  expect(plan.writes.map(({ operation, write }) => ({ operation, ...write }))).toEqual([
    { operation: 'upsert', externalId: 'new', fields: { LastName: 'L', City: 'Y' } },
    { operation: 'update', id: 'id-changed', fields: { City: null }, ifVersion: 'v' },
    { operation: 'delete', id: 'id-gone', fields: {} },
  ])
  expect(plan.unchanged.map(({ key }) => key)).toEqual(['same'])
  expect(plan.unknownGone.map(({ key }) => key)).toEqual(['never'])
  const kept = planWrites(records, before, { mapping, deletes: 'keep', isGuarded: false })
  expect(kept.writes.map(({ operation }) => operation)).toEqual(['upsert', 'update'])
})

test('a guard lets a tenth go, or twenty, and the rest with a person', () => {
  const place = { stream: 's', connection: 'c' }
  const small = new DeleteGuard(place, { sent: 30, isReleased: false })
  small.admit(20)
  expect(() => {
    small.admit(1)
  }).toThrow('would delete 21 of the 30 records')
  new DeleteGuard(place, { sent: 1000, isReleased: false }).admit(100)
  new DeleteGuard(place, { sent: 30, isReleased: true }).admit(30)
})

test('a record whose last write has an unknown outcome is sent with all fields, and found by its key', () => {
  const mapping = bind({ fields: { Code__c: 'c', LastName: 'l', City: 'y' } }, ['c', 'l', 'y'])
  const known = { ...sent('a', { LastName: 'L', City: 'Y' }), isPending: true }
  const records = [mapRecord({ c: 'a', l: 'L', y: 'Y' }, mapping)]
  const options = { mapping, deletes: 'keep', isGuarded: true } as const
  const plan = planWrites(records, new Map([['a', known]]), options)
  expect(plan.writes.map(({ operation, write }) => ({ operation, ...write }))).toEqual([
    { operation: 'upsert', externalId: 'a', fields: { LastName: 'L', City: 'Y' } },
  ])
})
