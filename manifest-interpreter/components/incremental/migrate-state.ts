import type { Builder } from '../../component.ts'
import { SourceError } from '../../contracts.ts'
import { field, list } from '../../definition.ts'
import { isPlainDict, isEmpty } from '../../value/dict.ts'
import type { Dict, PlainDict } from '../../value/value.ts'
import { legacyToPerPartitionStateMigration } from './legacy-to-per-partition-state-migration.ts'

/** The input state of a stream in today's form. The cursor and the parents of the stream start from it. */
export function migrateState(state: Dict, stream: PlainDict, builder: Builder): Dict {
  const migrations = list(stream, 'state_migrations').map((definition) => {
    const type = isPlainDict(definition) ? field(definition, 'type') : undefined
    if (type === 'LegacyToPerPartitionStateMigration')
      return legacyToPerPartitionStateMigration(stream, builder)
    throw new SourceError(
      'The state migration is written in Python and cannot run here. Remove it from state_migrations, or reset the state of the stream.',
      { failureType: 'config_error' },
    )
  })
  return migrations.reduce(
    (current, migration) =>
      !isEmpty(current) && migration.shouldMigrate(current) ? migration.migrate(current) : current,
    state,
  )
}
