import type { Logger } from 'pino'
import type { PostgresAddress } from '../../postgres/address.ts'
import type { MetRows } from './merge/met-rows.ts'

/** Where the tables of a connection go. */
export interface PostgresPlace {
  readonly address: PostgresAddress
  /** The schema of the tables; default: the stream's namespace, else `public`. */
  readonly schema?: string
  /** The schema of the sink's own tables; default: `reactor_connect`. A sandbox has its own. */
  readonly bookkeeping?: string
  /** A sandbox's, by table of its schema: the rows of production that a merge there is to meet. */
  readonly metRows?: Readonly<Record<string, MetRows>>
}

/** Its configuration, as a plan has it. */
export interface PostgresConfig extends PostgresPlace {
  readonly type: 'postgres'
}

/** A place in use. */
export interface LoggedPlace extends PostgresPlace {
  /** For waits for locks of others. */
  readonly logger?: Logger
}

export const bookkeepingSchema = 'reactor_connect'

/** Where its sessions go. */
export function sessionPlace({ address, bookkeeping }: PostgresPlace): {
  readonly address: PostgresAddress
  readonly bookkeeping?: string
} {
  return { address, ...(bookkeeping !== undefined && { bookkeeping }) }
}
