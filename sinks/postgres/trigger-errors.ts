import type { ConnectError, ErrorDetails } from '../../protocol/index.ts'
import {
  faultTexts,
  partitionMissing,
  type DestinationPlace,
  type TriggerFault,
} from './destination-errors.ts'
import { DestinationSession } from './session.ts'
import { findTriggers, keyChanged, type RowEvent, type Suspects } from './tables/row-account.ts'
import { isKeyIndexName, quoteTable } from './tables/identifiers.ts'

/**
 * The error, with the names of the triggers that it suspects (`TriggerFault`), if the table has any.
 * They are looked for in a session of
 * their own, because the transaction of the error may be open still, and has failed.
 */
export async function nameTriggers(
  error: ConnectError,
  place: DestinationPlace,
): Promise<ConnectError> {
  const { fault: name, index, object, ...details } = error.details
  const fault = typeof index === 'string' ? takesKey : faults.find((known) => known.name === name)
  if (fault === undefined || typeof object !== 'string') return error
  const loaded = place.table === undefined ? object : quoteTable(place.table)
  const triggers = await askServer(place, async (session) => {
    if (typeof index !== 'string') return findTriggers(session, object, fault)
    const isKey = await isPartOfKeyIndex(session, index)
    return isKey ? findTriggers(session, loaded, fault) : undefined
  })
  return triggers === undefined ? error : fault.error({ ...details, object: loaded }, triggers)
}

/** Undefined also if the server cannot be asked now: then the refusal itself is what the user has to know. */
async function askServer<T>(
  place: DestinationPlace,
  question: (session: DestinationSession) => Promise<T>,
): Promise<T | undefined> {
  try {
    await using session = await DestinationSession.open(place)
    return await question(session)
  } catch {
    return undefined
  }
}

/** Whether an index (quoted) is a partition's part of the index of a dedup mode: the server names those. */
async function isPartOfKeyIndex(session: DestinationSession, index: string): Promise<boolean> {
  const above = await session.rows<{ name: string }>(
    'SELECT relname AS name FROM pg_partition_ancestors(to_regclass($1)) JOIN pg_class ON oid = relid',
    [index],
  )
  return above.some(({ name }) => isKeyIndexName(name))
}

interface KnownFault {
  readonly name: TriggerFault
  /** When its triggers see the row. */
  readonly events: readonly RowEvent[]
  readonly error: (
    details: ErrorDetails & { readonly object: string },
    triggers: Suspects,
  ) => ConnectError
}

const takesKey: KnownFault = {
  name: 'takes_key',
  events: ['insert', 'update'],
  error: (details, triggers) => keyChanged(details, triggers, faultTexts.takes_key),
}

const faults: readonly KnownFault[] = [
  takesKey,
  {
    name: 'changes_key',
    events: ['update'],
    error: (details, triggers) => keyChanged(details, triggers, faultTexts.changes_key),
  },
  {
    name: 'leaves_partition',
    events: ['insert'],
    error: (details, { rules, undo }) =>
      partitionMissing(details.object, {
        ...details,
        reason: `${rules} ${faultTexts.leaves_partition}`,
        fix: `Let the trigger leave the partition key alone, or run \`${undo}\`, and run the connection again. What it makes of the key can be a column of its own.`,
      }),
  },
]
