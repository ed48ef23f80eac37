import { create } from '../components/transformations/dpath.ts'
import { list, optionalText, parametersOf, text } from '../definition.ts'
import type { PythonType } from '../interpolation/python-type.ts'
import type { Evaluate, TemplateCompiler } from '../interpolation/template-compiler.ts'
import { isPlainDict } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import { ConfigError } from './config-error.ts'

interface AddedField {
  readonly path: readonly Value[]
  readonly value: Evaluate
}

const pythonTypes: ReadonlyMap<string, PythonType> = new Map([
  ['string', 'str'],
  ['number', 'float'],
  ['integer', 'int'],
  ['boolean', 'bool'],
])

/** Adds fields, with the objects on the way to them. Each sees what the ones before it have added. */
export function configAddFields(
  definition: PlainDict,
  templates: TemplateCompiler,
): (config: Dict) => void {
  const fields = list(definition, 'fields').filter(isPlainDict).map(addedField(templates))
  const condition = optionalText(definition, 'condition') ?? ''
  const holds = condition === '' ? () => true : templates.boolean(condition)
  return (config) => {
    for (const { path, value } of fields) {
      const added = value({ config })
      if (holds({ config, value: added, path: [...path] })) create(config, path, added)
    }
  }
}

function addedField(templates: TemplateCompiler): (definition: PlainDict) => AddedField {
  return (definition) => {
    const path = list(definition, 'path')
    if (path.length === 0) {
      throw new ConfigError('A field of ConfigAddFields has an empty path. Name the field to add.')
    }
    const type = pythonTypes.get(optionalText(definition, 'value_type') ?? '')
    const value = templates.string(text(definition, 'value'), {
      parameters: parametersOf(definition),
      ...(type !== undefined && { validTypes: [type] }),
    })
    return { path, value }
  }
}
