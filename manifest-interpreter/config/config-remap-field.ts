import { list, optionalDict } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import { get, isDict, set } from '../value/dict.ts'
import type { Dict, PlainDict } from '../value/value.ts'
import { ConfigError } from './config-error.ts'

/**
 * Replaces the value of a field by what a map has for it; other values, and a field that is not there, stay.
 */
export function configRemapField(
  definition: PlainDict,
  templates: TemplateCompiler,
): (config: Dict) => void {
  const path = list(definition, 'field_path').map((part) => templates.string(part))
  if (path.length === 0) throw new ConfigError('ConfigRemapField needs a field_path.')
  const map = templates.mapping(optionalDict(definition, 'map') ?? {})
  return (config) => {
    const keys = path.map((part) => part({ config }))
    let owner = config
    for (const key of keys.slice(0, -1)) {
      const next = get(owner, key)
      if (next === undefined || !isDict(next)) return
      owner = next
    }
    const name = keys.at(-1) ?? null
    const value = get(owner, name)
    const mapped = value === undefined ? undefined : get(map({ config }), value)
    if (mapped !== undefined) set(owner, name, mapped)
  }
}
