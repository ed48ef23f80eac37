import { field } from '../../definition.ts'
import { isPlainDict } from '../../value/dict.ts'
import { compileNormalizer, type Misfit } from './compile-normalizer.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { SchemaNormalizer } from '../../contracts.ts'
import type { Dict, PlainDict } from '../../value/value.ts'

/**
 * schema_normalization: casts records to the schema of the stream, which may have to be loaded first. Null if
 * records stay as they are.
 */
export function schemaNormalization(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): () => Promise<SchemaNormalizer | null> {
  const { stream, streamName } = context
  const normalization = field(definition, 'schema_normalization') ?? 'None'
  const loader = stream?.schemaLoader
  if (isPlainDict(normalization)) {
    const custom = builder.build('schemaNormalization', normalization, context)
    return async () => {
      const schema = (await loader?.schema()) ?? {}
      return (record) => {
        custom.normalize(record, schema)
      }
    }
  }
  if (normalization !== 'Default' || loader === undefined) return () => Promise.resolve(null)
  const report = reportOnce(builder, streamName)
  let compiled: { readonly schema: Dict; readonly normalize: SchemaNormalizer | null } | undefined
  return async () => {
    const schema = await loader.schema()
    if (compiled?.schema !== schema)
      compiled = { schema, normalize: compileNormalizer(schema, report) }
    return compiled.normalize
  }
}

/** The number of different places that are logged; data may have any number of them. */
const maxReports = 100

/** A field that does not fit is logged once, not for each record. */
function reportOnce({ environment }: Builder, stream: string): (misfit: Misfit) => void {
  const reported = new Set<string>()
  return ({ path, type, expected }) => {
    if (reported.size >= maxReports) return
    const field = path.join('.')
    const key = `${field} ${type}`
    if (reported.has(key)) return
    reported.add(key)
    environment.logger.warn(
      { stream, field, type, expected },
      'A value does not fit the schema: it is kept',
    )
  }
}
