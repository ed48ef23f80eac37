import { describe, expect, test } from 'vitest'
import { connectorOf, nativeTypes } from '../../connectors/registry.ts'
import { testDatabase } from '../support/postgres.ts'
import { isLong } from '../support/long.ts'
import { connectorContract, type ContractSubject } from './connector-contract.ts'
import { openFolderSubject, openS3Subject } from './files/contract-subject.ts'
import { vendorSubjects } from './vendor-subjects.ts'

const subjects: Readonly<Record<string, () => Promise<ContractSubject>>> = {
  ...vendorSubjects,
  file: openFolderSubject,
  s3: openS3Subject,
  faker: () =>
    Promise.resolve({
      config: {
        seed: 7,
        streams: [
          { name: 'one', rows: 3210 },
          { name: 'parts', rows: 5000, slices: 3, state_every: 700, columns: 'narrow' },
          { name: 'none', rows: 0 },
        ],
      },
      cursorOf: () => 'updated_at',
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  postgres: async () => {
    const db = await testDatabase()
    await db.query(
      `CREATE TABLE person (id int PRIMARY KEY, at timestamptz, note text);
       INSERT INTO person SELECT i, '2024-01-01'::timestamptz + (i / 7) * interval '1 s', E'tab\\t' || repeat('x', 200) FROM generate_series(1, 8000) i;
       CREATE TABLE visit (day date, person int, at timestamptz, note text, PRIMARY KEY (day, person));
       INSERT INTO visit SELECT '2024-01-01'::date + i / 1000, i, NULL, repeat('y', 200) FROM generate_series(1, 3000) i;
       CREATE VIEW latest AS SELECT id, at FROM person WHERE id < 50; CREATE TABLE empty (id int PRIMARY KEY, at date)`,
    )
    return {
      config: { ...db.address, range_rows: 4000, parallel: 3, state_rows: 400 },
      unreachable: { ...db.address, password: 'wrong' },
      cursorOf: ({ name }) => (name === 'visit' ? 'person' : 'at'),
      [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
    }
  },
}

/** The streams of these vendors have a contract without a server too (stream-contract.test.ts). */
const longOnly = ['github', 'linear', 'salesforce', 'stripe']

for (const type of nativeTypes()) {
  if (longOnly.includes(type) && !isLong) continue
  const connector = await connectorOf(type)
  describe(`the connector ${type}`, () => {
    const open = subjects[type]
    if (open === undefined)
      test('has a subject for the contract', () => {
        expect(open).toBeDefined()
      })
    else connectorContract(connector, open)
  })
}

test('an unknown type is refused with the list of known ones', async () => {
  await expect(connectorOf('mysql')).rejects.toThrow(/known types: .*faker, .*postgres/)
})
