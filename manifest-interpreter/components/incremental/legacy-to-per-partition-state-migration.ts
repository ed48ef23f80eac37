import type { Builder } from '../../component.ts'
import type { StateMigration } from '../../contracts.ts'
import { component, field, list, optionalComponent, parametersOf } from '../../definition.ts'
import { entries, get, has, isDict, isPlainDict, keys } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * LegacyToPerPartitionStateMigration: `{ "13506132": { "updated_at": … } }` becomes
 * `{ states: [{ partition: { id: "13506132" }, cursor: { "updated_at": … } }] }`.
 */
export function legacyToPerPartitionStateMigration(
  stream: PlainDict,
  builder: Builder,
): StateMigration {
  const router = optionalComponent(component(stream, 'retriever'), 'partition_router')
  const type = router === undefined ? undefined : get(router, 'type')
  if (
    router === undefined ||
    (type !== 'UnionPartitionRouter' && !has(router, 'parent_stream_configs'))
  )
    throw valueError(
      'LegacyToPerPartitionStateMigrations can only be applied on a SimpleRetriever with a SubstreamPartitionRouter, UnionPartitionRouter or CustomPartitionRouter.',
    )
  const isUnion = type === 'UnionPartitionRouter'
  const parents = list(router, 'parent_stream_configs')
  const parameters = parametersOf(stream)
  const evaluate = (template: Value): string =>
    str(builder.templates.string(template, { parameters })({ config: builder.config }))
  const partitionField = evaluate(
    isUnion ? (field(router, 'partition_field') ?? '') : fieldOf(parents[0]),
  )
  const cursorField = evaluate(field(component(stream, 'incremental_sync'), 'cursor_field') ?? '')
  return {
    shouldMigrate: (state) =>
      !has(state, 'states') &&
      (isUnion || parents.length === 1) &&
      entries(state).every(([, value]) => isOnlyField(value, cursorField)),
    migrate: (state): Dict => ({
      states: entries(state).map(([key, cursor]) => ({
        partition: { [partitionField]: key },
        cursor,
      })),
    }),
  }
}

function fieldOf(parent: Value | undefined): Value {
  return parent !== undefined && isPlainDict(parent) ? (field(parent, 'partition_field') ?? '') : ''
}

function isOnlyField(value: Value, name: string): boolean {
  if (!isDict(value)) return false
  const [only, ...others] = keys(value)
  return only === name && others.length === 0
}
