import { compileGlob, find, findAll } from '../components/transformations/dpath.ts'
import { component, list, text } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import { ConfigError } from './config-error.ts'
import { validateAdheresToSchema } from './validate-adheres-to-schema.ts'

/**
 * Validates the value at a path of the configuration, or each value that a path with `*` names. A missing
 * value passes.
 */
export function dpathValidator(
  definition: PlainDict,
  templates: TemplateCompiler,
): (config: Dict) => void {
  const parts = list(definition, 'field_path').map((part) => templates.string(part))
  const strategy = component(definition, 'validation_strategy')
  const validate = validationStrategy(strategy)
  return (config) => {
    // The reference gives these templates an empty configuration.
    const path = parts.map((part) => part({ config: {} }))
    if (path.length === 0) throw new ConfigError('Field path is empty')
    for (const value of valuesAt(config, path)) validate(value)
  }
}

function valuesAt(config: Dict, path: readonly Value[]): readonly Value[] {
  const glob = compileGlob(path)
  if (path.includes('*')) return findAll(config, glob)
  const value = find(config, glob)
  return value === undefined ? [] : [value]
}

function validationStrategy(definition: PlainDict): (value: Value) => void {
  if (text(definition, 'type') === 'ValidateAdheresToSchema') {
    return validateAdheresToSchema(definition)
  }
  throw new ConfigError(
    `The manifest validates its configuration with ${text(definition, 'class_name')}, which is written in Python and cannot run here. Replace it by ValidateAdheresToSchema.`,
  )
}
