import type { ConnectError, ErrorDetails } from '../../protocol/index.ts'
import {
  faultTexts,
  partitionMissing,
  type DestinationPlace,
  type TriggerFault,
} from './destination-errors.ts'
import { DestinationSession } from './session.ts'
import { findRowTriggers, keyChanged, type RowEvent, type Suspects } from './tables/row-account.ts'
import { quoteTable } from './tables/identifiers.ts'

/**
 * The error, with the names of the triggers that it suspects (`TriggerFault`), if the table has any. They are looked for in a session of
 * their own, because the transaction of the error may be open still, and has failed.
 */
export async function nameTriggers(
  error: ConnectError,
  place: DestinationPlace,
): Promise<ConnectError> {
  const { fault: name, object, ...details } = error.details
  const fault = faults.find((known) => known.name === name)
  if (fault === undefined || typeof object !== 'string') return error
  const triggers = await readTriggers(place, object, fault.events)
  if (triggers === undefined) return error
  const loaded = place.table === undefined ? object : quoteTable(place.table)
  return fault.error({ ...details, object: loaded }, triggers)
}

/** Undefined also if the server cannot be asked now: then the refusal itself is what the user has to know. */
async function readTriggers(
  place: DestinationPlace,
  object: string,
  events: readonly RowEvent[],
): Promise<Suspects | undefined> {
  try {
    await using session = await DestinationSession.open(place)
    return await findRowTriggers(session, object, events)
  } catch {
    return undefined
  }
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

const faults: readonly KnownFault[] = [
  {
    name: 'takes_key',
    events: ['insert', 'update'],
    error: (details, triggers) => keyChanged(details, triggers, faultTexts.takes_key),
  },
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
