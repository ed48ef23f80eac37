import type { Builder } from '../../component.ts'
import { field, flag } from '../../definition.ts'
import { str } from '../../value/text.ts'
import type { Dict, PlainDict } from '../../value/value.ts'

/**
 * The field that records and states have their cursor value in: the user's choice if the manifest allows one.
 */
export function cursorFieldOf(
  definition: PlainDict,
  builder: Builder,
  options: { readonly streamName: string; readonly parameters: Dict },
): { readonly field: string; readonly catalogDefined: boolean } {
  const catalogDefined = flag(definition, 'allow_catalog_defined_cursor_field', false)
  const chosen = builder.catalog?.get(options.streamName)?.cursorField
  if (catalogDefined && chosen !== undefined && chosen !== '')
    return { field: chosen, catalogDefined }
  const { parameters } = options
  const template = builder.templates.string(field(definition, 'cursor_field') ?? '', { parameters })
  return { field: str(template({ config: builder.config })), catalogDefined }
}
