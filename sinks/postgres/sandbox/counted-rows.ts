/** `1 row`, `2 rows` */
export function countedRows(count: number): string {
  return count === 1 ? '1 row' : `${count} rows`
}
