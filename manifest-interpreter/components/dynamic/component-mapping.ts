import { field, flag, list, optionalText, parametersOf, text } from '../../definition.ts'
import { isPlainDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { truth } from '../../value/truth.ts'
import { copyValue } from '../transformations/copy-value.ts'
import { compileGlob, create, replaceMatches } from '../transformations/dpath.ts'
import { validTypesOf } from '../transformations/value-type.ts'
import type { Builder } from '../../component.ts'
import type { Scope } from '../../interpolation/template-compiler.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** The differences between resolvers in how they use their mappings. */
export interface MappingRules {
  /** Parses the text of a template; other values do not change. Absent: texts stay. */
  readonly readText?: (text: string, isTextWanted: boolean) => Value
  readonly allowsCondition: boolean
  readonly allowsCreation: boolean
}

/** ComponentMappingDefinition: sets a field of a stream's definition, in place. */
export type ComponentMapping = (stream: PlainDict, scope: Scope) => void

export function compileMappings(
  resolver: PlainDict,
  builder: Builder,
  rules: MappingRules,
): readonly ComponentMapping[] {
  return list(resolver, 'components_mapping')
    .filter(isPlainDict)
    .map((definition) => compileMapping(definition, builder, { rules, resolver }))
}

function compileMapping(
  definition: PlainDict,
  { templates }: Builder,
  { rules, resolver }: { readonly rules: MappingRules; readonly resolver: PlainDict },
): ComponentMapping {
  const condition = optionalText(definition, 'condition') ?? ''
  if (condition !== '' && !rules.allowsCondition)
    throw valueError('A `condition` in components_mapping is for a ConfigComponentsResolver only.')
  const applies =
    condition === ''
      ? () => true
      : templates.boolean(condition, { parameters: parametersOf(resolver) })
  const parameters = parametersOf(definition)
  const validTypes = validTypesOf(definition)
  const evaluate = templates.string(text(definition, 'value'), {
    parameters,
    ...(validTypes && { validTypes }),
  })
  const path = list(definition, 'field_path').map((segment) =>
    templates.string(segment, { parameters }),
  )
  const creates = rules.allowsCreation && flag(definition, 'create_or_update', false)
  const isTextWanted = field(definition, 'value_type') === 'string'
  return (stream, scope) => {
    if (!applies(scope)) return
    const result = evaluate(scope)
    const place = path.map((segment) => segment(scope))
    const value =
      typeof result === 'string' && rules.readText !== undefined
        ? rules.readText(result, isTextWanted)
        : copyValue(result)
    const replaced = replaceMatches(stream, compileGlob(place), value)
    if (creates && replaced === 0 && truth(value)) create(stream, place, value)
  }
}
