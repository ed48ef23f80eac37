import { ConnectError } from '../../../protocol/index.ts'
import type { Connection } from '../schema.ts'
import type { SchemaDrift } from '../../schema-changes/schema.ts'
import { changeDocument, changeSummary } from '../../schema-changes/change-document.ts'
import { firstChanges } from '../../schema-changes/schema-changes.ts'

/** In an error, which lists of runs contain too; the connection has more. */
const maxShown = { changes: 10, columns: 20 }

/** Why a run reads nothing. */
export function driftBlocked({ name, from }: Connection, drift: SchemaDrift): ConnectError {
  return new ConnectError('schema_drift_blocked', {
    details: {
      connection: name,
      instance: from,
      summary: changeSummary(drift.changes, drift.total),
      fingerprint: drift.fingerprint,
      changes: firstChanges(drift.changes, maxShown).map(changeDocument),
      total: drift.total,
    },
  })
}

/** Why a fingerprint is not approved. */
export function driftOutdated({ name, drift }: Connection): ConnectError {
  return new ConnectError('schema_drift_outdated', {
    details: {
      connection: name,
      reason:
        drift === null
          ? 'no change of the schema waits for approval'
          : `the last schema that was found has the fingerprint ${drift.fingerprint}`,
      ...(drift !== null && { fingerprint: drift.fingerprint }),
    },
  })
}
