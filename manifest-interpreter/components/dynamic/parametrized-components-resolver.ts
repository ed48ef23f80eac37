import { component, list } from '../../definition.ts'
import { compileMappings } from './component-mapping.ts'
import { readYamlText } from './read-yaml-text.ts'
import type { Builder } from '../../component.ts'
import type { PlainDict } from '../../value/value.ts'
import type { ComponentsResolver } from './components-resolver.ts'

/**
 * ParametrizedComponentsResolver: a stream for each entry of a list in the manifest (its
 * StreamParametersDefinition).
 */
export function parametrizedComponentsResolver(
  definition: PlainDict,
  builder: Builder,
): ComponentsResolver {
  const entries = list(component(definition, 'stream_parameters'), 'list_of_parameters_for_stream')
  return {
    mappings: compileMappings(definition, builder, {
      allowsCondition: false,
      allowsCreation: true,
      readText: readYamlText,
    }),
    async *values() {
      await Promise.resolve()
      for (const entry of entries) yield { components_values: entry }
    },
  }
}
