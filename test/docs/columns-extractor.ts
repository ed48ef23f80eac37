import { registerComponent } from '../../manifest-interpreter/builder.ts'
import type { Component } from '../../manifest-interpreter/component.ts'
import { dictOf, get, isDict } from '../../manifest-interpreter/value/dict.ts'
import type { Value } from '../../manifest-interpreter/value/value.ts'

/** Rows beside the names of their columns: `{ "columns": ["id"], "rows": [[1], [2]] }`. */
const columnsExtractor: Component<'extractor'> = (_definition, _builder, { decoder }) => ({
  async *extract(response) {
    if (decoder === undefined) throw new TypeError('An extractor needs the decoder of its stream.')
    for await (const bodies of decoder.decode(response)) yield bodies.flatMap(recordsOf)
  },
})

function recordsOf(body: Value): readonly Value[] {
  const columns = isDict(body) ? get(body, 'columns') : undefined
  const rows = isDict(body) ? get(body, 'rows') : undefined
  if (!Array.isArray(columns) || !Array.isArray(rows)) return []
  return rows.map((row) =>
    dictOf(columns.map((name, index) => [name, Array.isArray(row) ? (row[index] ?? null) : null])),
  )
}

export function registerColumnsExtractor(): void {
  registerComponent('extractor', 'source_shop.components.ColumnsExtractor', columnsExtractor)
}
