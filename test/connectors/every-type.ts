import type { TestDatabase } from '../support/postgres.ts'

const types = {
  small: 'int2',
  normal: 'int4',
  large: 'int8',
  yes: 'bool',
  number: 'numeric',
  scaled: 'numeric(12,4)',
  double: 'float8',
  text: 'text',
  short: 'varchar(20)',
  padded: 'char(5)',
  word: 'name',
  mood: 'mood',
  uid: 'uuid',
  day: 'date',
  local: 'timestamp',
  zoned: 'timestamptz',
  clock: 'time',
  bytes: 'bytea',
  document: 'json',
  indexed: 'jsonb',
  list: 'int4[]',
}

/** Literals by column: each is a row of its own, beside NULLs. */
const edges: Readonly<Partial<Record<keyof typeof types, readonly string[]>>> = {
  small: ['-32768', '32767'],
  normal: ['-2147483648', '2147483647', '0'],
  large: ['-9223372036854775808', '9223372036854775807', '4503599627370496', '-4503599627370497'],
  number: [
    ...[
      'NaN',
      'Infinity',
      '-Infinity',
      '0',
      '0.000',
      '-0.00001',
      '1e40',
      '-1e-40',
      '10000',
      '9999',
    ],
    ...['0.1', '0.00012', '100000000.00010000', '123456789012345678901234567890.0123456789'],
  ],
  scaled: ['1.5', '-99999999.9999', '0'],
  double: ['NaN', 'Infinity', '-Infinity', '-0', '5e-324', '1.7976931348623157e308', '0.1', '1e21'],
  text: ['', '\\N', 'tab\t line\n back\\ cr\r', '山田 😀', 'x'.repeat(300_000), 'abc', 'abcd'],
  padded: ['', 'ab', 'abcde'],
  uid: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000'],
  day: [
    ...['infinity', '-infinity', '0044-03-15 BC', '4713-01-01 BC', '5874897-12-31', '10000-01-01'],
    ...['0001-01-01', '9999-12-31', '0001-12-31 BC', '1999-12-31'],
  ],
  local: [
    ...['infinity', '-infinity', '0044-03-15 10:00:00.25 BC', '294276-12-31 23:59:59.999999'],
    ...['0001-01-01', '9999-12-31 23:59:59.999999', '10000-01-01', '1969-12-31 23:59:59.999999'],
  ],
  zoned: [
    ...['infinity', '-infinity', '0044-03-15 10:00:00+00 BC', '294276-12-31 23:59:59+00'],
    ...['0001-01-01 00:00+00', '0001-12-31 23:59:59.000001+00 BC', '2112-09-17 23:53:47.5+00'],
  ],
  clock: ['00:00', '24:00', '23:59:59.999999'],
  bytes: ['\\x', '\\x00ff5c0a'],
  document: ['{"a" : "\\\\ \\" x",\n "b": [1, 2.50, null]}', '"\\u0000"', ' 1 '],
  indexed: ['{"a b": "c\\\\", "d": [1.10, true]}', '"x \\" y"', '[]'],
  list: ['{1,NULL,3}', '{}'],
}

/**
 * A table `things` with a column of each type that is read as binary, the edges of each type, and 5,000 rows
 * that have a value in each.
 */
export async function createThings(db: TestDatabase): Promise<void> {
  await db.query(`CREATE TYPE mood AS ENUM ('sad', 'ok')`)
  const columns = Object.entries(types).map(([name, type]) => `"${name}" ${type}`)
  await db.query(`CREATE TABLE things (id bigint PRIMARY KEY, ${columns.join(', ')})`)
  let id = 0
  for (const [name, values] of Object.entries(edges)) {
    for (const value of values) {
      await db.query(`INSERT INTO things (id, "${name}") VALUES ($1, $2)`, [id++, value])
    }
  }
  await db.query(
    `INSERT INTO things
     SELECT n, (random() * 65535 - 32768)::int, (random() * 1e9)::int, (random() * 1e18 - 5e17)::bigint, random() < 0.5,
            (random() * 10 ^ (random() * 40 - 20)::int)::numeric, (random() * 1e7)::numeric, random() * 10 ^ (random() * 114 - 100)::int,
            repeat('aé山😀'::text, (random() * 20)::int), left(md5(n::text), (random() * 20)::int), 'abc', 'n' || n, 'ok', gen_random_uuid(),
            date '0001-01-01' + (random() * 3650000)::int, timestamp '0001-01-01' + random() * interval '9990 years',
            timestamptz '1990-01-01' + random() * interval '50 years', time '00:00' + random() * interval '23 hours',
            decode(md5(n::text), 'hex'), json_build_object('a', n, 'b', md5(n::text)), jsonb_build_object('a b', n, 'c', ARRAY[1.50, n]),
            ARRAY[n, NULL, 2]
       FROM generate_series($1::int, $1 + 5000) AS n`,
    [id],
  )
}
