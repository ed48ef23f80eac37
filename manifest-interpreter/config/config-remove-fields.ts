import { compileGlob, removeMatches } from '../components/transformations/dpath.ts'
import { list, optionalText } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import type { Dict, PlainDict } from '../value/value.ts'

/**
 * Removes fields. A missing field is not an error. An item of a list becomes null, so that the others stay in
 * place.
 */
export function configRemoveFields(
  definition: PlainDict,
  templates: TemplateCompiler,
): (config: Dict) => void {
  const pointers = list(definition, 'field_pointers')
    .filter(Array.isArray)
    .map((pointer) => compileGlob(pointer))
  const condition = optionalText(definition, 'condition') ?? ''
  const holds = condition === '' ? () => true : templates.boolean(condition)
  return (config) => {
    if (!holds({ config })) return
    for (const pointer of pointers) removeMatches(config, pointer)
  }
}
