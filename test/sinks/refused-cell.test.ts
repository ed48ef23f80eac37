import { expect, test } from 'vitest'
import { refusedCell } from '../../sinks/postgres/refused-cell.ts'

const columns = ['id', 'price', undefined, 'price 2', 'line 7, column id']

test.each([
  ['COPY things, line 12, column price: "x"', { line: 12, column: 1 }],
  ['COPY things, line 3, column price 2: "column id: "', { line: 3, column: 3 }],
  ['COPY things, line 3, column line 7, column id: "x"', { line: 3, column: 4 }],
  ['COPY things, Zeile 4, Spalte id: »x«', { line: 4, column: 0 }],
  ['COPY things, ligne 5, colonne price : « x »', { line: 5, column: 1 }],
  ['COPY things, line 4, column price', { line: 4, column: 1 }],
  ['JSON data, line 1: {"a":...\nCOPY things, line 9, column price 2', { line: 9, column: 3 }],
  ['JSON data, line 1: {"a":...\nCOPY things, line 9, column id: "{"', { line: 9, column: 0 }],
  ['COPY things, line 2: "a\tid: b"', undefined],
  ['COPY other, line 1, column id: "x"', undefined],
  ['', undefined],
])('%j', (context, cell) => {
  expect(refusedCell(context, 'things', columns)).toEqual(cell)
})
