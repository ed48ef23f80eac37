import type { Dict } from '../../value/value.ts'

/** Brings a state that an older version of a connector has written into today's form. */
export interface StateMigration {
  shouldMigrate(state: Dict): boolean
  migrate(state: Dict): Dict
}
