import type { PostgresAddress } from '../../postgres/address.ts'
import type { JsonObject } from '../../protocol/index.ts'
import type { WriteRule } from './mapping/write-rules.ts'

/**
 * An instance that records are written back into. Plain data: it crosses a thread. Holds secrets: never to be
 * logged.
 */
export interface InstanceConfig {
  readonly type: 'instance'
  /** Its name. */
  readonly instance: string
  /** The name by which the connector is found. */
  readonly connector: string
  readonly config: JsonObject
  /** The texts of the configuration that nobody may see. */
  readonly secrets: readonly string[]
  readonly allowedNetworks: readonly string[]
  /** The database of the bookkeeping: it holds the values that were sent, so it is the customer's own. */
  readonly store: PostgresAddress
  readonly rules: readonly WriteRule[]
  readonly options: WriteChoices
  /** A person has seen the deletes of this run in a sandbox, and has let them happen. */
  readonly releasesDeletes?: boolean
}

export interface WriteChoices {
  /** Records that are gone at the source: they stay at the vendor, or are deleted there. */
  readonly deletes: 'keep' | 'delete'
  /**
   * `fast`: changed fields are sent without a look at the record. `guarded`: only if nobody has changed the
   * record since our last write; more calls.
   */
  readonly mode: 'fast' | 'guarded'
}

export const standardChoices: WriteChoices = { deletes: 'keep', mode: 'fast' }
