import { parametersOf } from '../../definition.ts'
import { defaultSchemaLoader } from './default-schema-loader.ts'
import { dynamicSchemaLoader } from './dynamic-schema-loader.ts'
import { inlineSchemaLoader } from './inline-schema-loader.ts'
import { jsonFileSchemaLoader } from './json-file-schema-loader.ts'
import type { Component } from '../../component.ts'

export const schemaLoaders: ReadonlyMap<string, Component<'schemaLoader'>> = new Map<
  string,
  Component<'schemaLoader'>
>([
  [
    'DefaultSchemaLoader',
    (definition, builder) => defaultSchemaLoader(parametersOf(definition), builder),
  ],
  ['DynamicSchemaLoader', dynamicSchemaLoader],
  ['InlineSchemaLoader', inlineSchemaLoader],
  ['JsonFileSchemaLoader', jsonFileSchemaLoader],
])
