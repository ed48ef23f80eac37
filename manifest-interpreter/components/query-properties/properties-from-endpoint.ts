import { component, list, parametersOf } from '../../definition.ts'
import { str } from '../../value/text.ts'
import { compileGlob, find } from '../transformations/dpath.ts'
import { auxiliaryRecords } from './auxiliary-records.ts'
import type { Builder } from '../../component.ts'
import type { PlainDict } from '../../value/value.ts'

/**
 * PropertiesFromEndpoint: the names of properties, requested once. After a failure, they are requested again
 * the next time.
 */
export function propertiesFromEndpoint(
  definition: PlainDict,
  builder: Builder,
): () => Promise<readonly string[]> {
  const { templates, config } = builder
  const records = auxiliaryRecords(component(definition, 'retriever'), builder, {
    streamName: 'dynamic_properties',
  })
  const parameters = parametersOf(definition)
  const path = list(definition, 'property_field_path').map((segment) =>
    templates.string(segment, { parameters }),
  )
  const read = async (): Promise<readonly string[]> => {
    const glob = compileGlob(path.map((evaluate) => evaluate({ config })))
    const names: string[] = []
    for await (const batch of records())
      for (const record of batch) names.push(str(find(record, glob) ?? []))
    return names
  }
  let reading: Promise<readonly string[]> | undefined
  return () => {
    reading ??= read().catch((error: unknown) => {
      reading = undefined
      throw error
    })
    return reading
  }
}
