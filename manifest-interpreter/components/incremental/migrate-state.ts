import type { Builder } from '../../component.ts'
import { SourceError, type StateMigration } from '../../contracts.ts'
import { field, list, optionalText } from '../../definition.ts'
import { isEmpty, isPlainDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'
import { hasTodaysForm } from './todays-form.ts'
import { legacyToPerPartitionStateMigration } from './legacy-to-per-partition-state-migration.ts'

/** The input state of a stream in today's form. The cursor and the parents of the stream start from it. */
export function migrateState(state: Dict, stream: PlainDict, builder: Builder): Dict {
  const migrations = list(stream, 'state_migrations').map((definition) =>
    migrationOf(definition, stream, builder),
  )
  return migrations.reduce(
    (current, migration) =>
      !isEmpty(current) && migration.shouldMigrate(current) ? migration.migrate(current) : current,
    state,
  )
}

function migrationOf(definition: Value, stream: PlainDict, builder: Builder): StateMigration {
  const type = isPlainDict(definition) ? field(definition, 'type') : undefined
  if (type === 'LegacyToPerPartitionStateMigration')
    return legacyToPerPartitionStateMigration(stream, builder)
  const className = isPlainDict(definition) ? optionalText(definition, 'class_name') : undefined
  if (className === undefined) throw valueError('A state migration needs a type, or a class_name.')
  const streamName = optionalText(stream, 'name') ?? ''
  if (builder.isRegistered(className))
    return builder.build('stateMigration', definition, { streamName, streamDefinition: stream })
  return {
    shouldMigrate: (state) => refuseOlderForm(state, { stream, className }),
    migrate: (state) => state,
  }
}

/**
 * A state that the cursor writes itself needs no migration. Any other state would be read wrongly, or as if
 * there were none.
 */
function refuseOlderForm(
  state: Dict,
  { stream, className }: { readonly stream: PlainDict; readonly className: string },
): false {
  if (hasTodaysForm(state, stream)) return false
  throw new SourceError(
    `The state of stream ${optionalText(stream, 'name') ?? ''} is of an older version of the connector. ${className}, which would bring it into today's form, is written in Python and cannot run here. Register a replacement, or reset the state of the stream, which reads it from the start.`,
    { failureType: 'config_error', mayPass: false },
  )
}
