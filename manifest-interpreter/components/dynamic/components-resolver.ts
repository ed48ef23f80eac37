import type { Scope } from '../../interpolation/template-compiler.ts'
import type { ComponentMapping } from './component-mapping.ts'

/** Returns the values for the streams that a template becomes, and says which fields they set. */
export interface ComponentsResolver {
  readonly mappings: readonly ComponentMapping[]
  /** For each stream what its mappings see, as `components_values` and beside it. */
  values(): AsyncIterable<Scope>
}
