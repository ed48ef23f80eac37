import type { RecordData } from '../../../protocol/index.ts'

/** The JSON of each line. */
export function linesOf(files: readonly Buffer[]): readonly unknown[] {
  return files.flatMap((bytes) =>
    bytes
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown),
  )
}

/** Rows without the columns that we add. */
export function withoutOurs(lines: readonly unknown[]): readonly RecordData[] {
  return (lines as readonly RecordData[]).map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('_airbyte'))),
  )
}
