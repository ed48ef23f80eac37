import type { TableShape } from '../table-shape.ts'

/** Types in turns, each with its value for the row `n` of the column `c`. */
const kinds: readonly (readonly [type: string, value: (column: number) => string])[] = [
  ['integer', (c) => `(n * ${String(c)}) % 100003`],
  ['text', (c) => `'text ' || (n * ${String(c)}) % 9973`],
  ['bigint', (c) => `n::bigint * ${String(c)} * 1000003`],
  ['numeric(12, 2)', (c) => `((n * ${String(c)}) % 1000003) / 100.0`],
  ['boolean', (c) => `(n + ${String(c)}) % 3 = 0`],
  ['double precision', (c) => `((n + ${String(c)}) % 10007) / 7.0`],
  ['date', (c) => `date '1950-01-01' + (n + ${String(c)}) % 20000`],
  [
    'timestamptz',
    (c) => `timestamptz '2020-01-01 00:00:00Z' + n * interval '1.0${String(c)} seconds'`,
  ],
  ['varchar(40)', (c) => `'code-' || (n * ${String(c)}) % 997`],
  ['jsonb', (c) => `jsonb_build_object('c', ${String(c)}, 'n', n % 1000)`],
  ['uuid', (c) => `md5(n || '-${String(c)}')::uuid`],
]

/** A key and 199 columns of these types; a third of them may be NULL, and is for one row in seven. */
export function wideTable(rows: number): TableShape {
  const columns = Array.from({ length: 199 }, (_, index) => columnOf(index + 1))
  return {
    name: 'bench_wide',
    columns: ['id bigint NOT NULL', ...columns.map(({ definition }) => definition)].join(', '),
    key: 'id',
    rows,
    values: ['n', ...columns.map(({ value }) => value)].join(', '),
  }
}

function columnOf(column: number): { readonly definition: string; readonly value: string } {
  const [type, valueOf] = kinds[column % kinds.length] ?? ['integer', () => 'n']
  const value = valueOf(column)
  const definition = `c${String(column).padStart(3, '0')} ${type}`
  if (column % 3 === 0)
    return { definition, value: `CASE WHEN (n + ${String(column)}) % 7 > 0 THEN ${value} END` }
  return { definition: `${definition} NOT NULL`, value }
}
