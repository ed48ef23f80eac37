import { loadYaml } from '../../yaml/load-yaml.ts'
import { YamlError } from '../../yaml/yaml-error.ts'
import type { Value } from '../../value/value.ts'

/**
 * Reads the result of a template as YAML: `5`, `true` and `[a, b]` are values in a stream's definition. Text
 * that is not YAML, such as `%Y-%m-%d` and templates that are evaluated later, stays text. (For some of those
 * texts the reference fails.)
 */
export function readYamlText(text: string): Value {
  // PyYAML takes a tab outside of quotes for no YAML.
  if (/^[^'"]*\t/.test(text)) return text
  try {
    return loadYaml(text)
  } catch (error) {
    if (error instanceof YamlError) return text
    throw error
  }
}
