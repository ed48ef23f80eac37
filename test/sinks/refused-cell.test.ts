import { expect, test } from 'vitest'
import { refusedCell } from '../../sinks/postgres/load/refused-cell.ts'

const columns = ['id', 'price', undefined, 'price 2', 'line 7, column id']

test.each([
  ['COPY things, line 12, column price: "x"', { line: 12, column: 1 }],
  ['COPY things, line 3, column price 2: "column id: "', { line: 3, column: 3 }],
  ['COPY things, line 3, column line 7, column id: "x"', { line: 3, column: 4 }],
  ['COPY things, line 3, column id: null input', { line: 3, column: 0 }],
  ['COPY things, Zeile 4, Spalte id: »x«', { line: 4, column: 0 }],
  ['COPY things, ligne 5, colonne price : « x »', { line: 5, column: 1 }],
  ['COPY things、行 6、列 price: "x"', { line: 6, column: 1 }],
  ['COPY things, line 4, column price', { line: 4, column: 1 }],
  ['JSON data, line 1: {"a":...\nCOPY things, line 9, column price 2', { line: 9, column: 3 }],
  ['JSON data, line 1: {"a":...\nCOPY things, line 9, column id: "{"', { line: 9, column: 0 }],
  ['données JSON, ligne 1 : {\nCOPY things, ligne 9, colonne id : « { »', { line: 9, column: 0 }],
  [
    'COPY things, line 2, column id: "a\nCOPY things, line 1, column price: b"',
    { line: 2, column: 0 },
  ],
])('%j names the cell that the server refused', (context, cell) => {
  expect(refusedCell(context, 'things', columns)).toEqual(cell)
})

const raised = 'PL/pgSQL function check_card() line 1 at RAISE'

test.each([
  // The row, which the server shows when no cell is being read.
  'COPY things, line 2: "a\tid: b"',
  'COPY things, line 2: "a\t column id: b"',
  'COPY things, line 2: "1, column id: b"',
  'COPY things, ligne 2 : « 1, colonne id : b »',
  'COPY things, line 2',
  // A trigger, a generated column or the function of a type is at work.
  `${raised}\nCOPY things, line 2: "a\t column id: b"`,
  `${raised}\nCOPY things, line 2, column id: "b"`,
  `JSON data, line 1: {"a":...\n${raised}\nCOPY things, line 2, column id: "b"`,
  'SQL function "f" statement 1\nCOPY things, line 2, column id: "b"',
  'SQL statement "SELECT \'JSON 1\'\nCOPY things, line 2, column id: b"\nCOPY things, line 3: "c"',
  // A column of ours, with a value that reads like another one.
  'COPY things, line 1, column _airbyte_meta: " id: x"',
  'COPY other, line 1, column id: "x"',
  'COPY things2, line 1, column id: "x"',
  '',
])('%j names no cell', (context) => {
  expect(refusedCell(context, 'things', columns)).toBeUndefined()
})
