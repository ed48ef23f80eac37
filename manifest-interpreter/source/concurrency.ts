import {
  field,
  invalidComponent,
  optionalComponent,
  optionalNumber,
  parametersOf,
} from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import type { Dict, PlainDict } from '../value/value.ts'

/** Slices read at the same time if the manifest does not say: polite, and one of them can be a parent's. */
const DEFAULT_CONCURRENCY = 2

/** How much of a source is read at the same time: the manifest's ConcurrencyLevel. */
export function concurrencyOf(
  manifest: PlainDict,
  config: Dict,
  templates: TemplateCompiler,
): { readonly concurrency: number; readonly generators: number } {
  const level = levelOf(manifest, config, templates)
  return { concurrency: level, generators: Math.max(1, Math.floor(level / 2)) }
}

function levelOf(manifest: PlainDict, config: Dict, templates: TemplateCompiler): number {
  const definition = optionalComponent(manifest, 'concurrency_level')
  if (definition === undefined) return DEFAULT_CONCURRENCY
  const level = field(definition, 'default_concurrency') ?? null
  if (typeof level === 'number') return Math.max(1, level)
  const maximum = optionalNumber(definition, 'max_concurrency') ?? 0
  if (typeof level === 'string' && level.includes('config') && maximum === 0)
    throw invalidComponent(
      'concurrency_level',
      'it needs max_concurrency if its default_concurrency depends on the configuration.',
    )
  const evaluated = templates.string(level, { parameters: parametersOf(definition) })({ config })
  if (typeof evaluated !== 'number' || !Number.isInteger(evaluated))
    throw invalidComponent(
      'concurrency_level',
      'its default_concurrency must be a whole number, or a template that returns one.',
    )
  return Math.max(1, maximum === 0 ? evaluated : Math.min(evaluated, maximum))
}
