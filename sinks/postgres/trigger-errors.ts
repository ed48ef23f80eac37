import { quoteIdentifier } from '../../postgres/quote.ts'
import { ConnectError, type ErrorDetails } from '../../protocol/index.ts'
import {
  faultTexts,
  partitionMissing,
  raisedBy,
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
  const raised = raisedBy(error)
  if (raised !== undefined) return nameEventTrigger(error, place, raised)
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

/**
 * An event trigger sees statements like DROP TABLE, and no row: what it raises may be shown. Its function can
 * be called in no other way, but another one may have the same name.
 */
async function nameEventTrigger(
  error: ConnectError,
  place: DestinationPlace,
  { function: raising, text }: NonNullable<ReturnType<typeof raisedBy>>,
): Promise<ConnectError> {
  const found = await askServer(place, (session) =>
    session.rows<{ name: string }>(
      `SELECT evtname AS name FROM pg_event_trigger JOIN pg_proc p ON p.oid = evtfoid
        WHERE p.proname = $1 AND evtenabled <> 'D'
          AND NOT EXISTS (SELECT FROM pg_proc WHERE proname = $1 AND prorettype <> 'event_trigger'::regtype)
        ORDER BY evtname LIMIT 1`,
      [raising.split('.').at(-1)],
    ),
  )
  const name = found?.[0]?.name
  if (name === undefined) return error
  const quoted = quoteIdentifier(name)
  const { user } = place.address
  const details = {
    ...error.details,
    reason: `event trigger ${quoted} raised: ${text}`,
    fix: `Let event trigger ${quoted} (\`\\dy\` lists it) allow what the role ${quoteIdentifier(user)} does with its own tables, or run \`ALTER EVENT TRIGGER ${quoted} DISABLE\`; then run the connection again.`,
  }
  return new ConnectError(error.code, { details })
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
