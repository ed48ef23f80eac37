import { ConnectError } from '../../protocol/index.ts'
import type { Connection, SchemaDrift } from '../service.ts'
import { changeDocument, changeSummary } from './change-document.ts'

/** In an error; the connection has more. */
const changesTold = 20

/** Why a run reads nothing. */
export function driftBlocked({ name, from }: Connection, drift: SchemaDrift): ConnectError {
  return new ConnectError('schema_drift_blocked', {
    details: {
      connection: name,
      instance: from,
      summary: changeSummary(drift.changes, drift.total),
      fingerprint: drift.fingerprint,
      changes: drift.changes.slice(0, changesTold).map(changeDocument),
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
          : `what was seen last has the fingerprint ${drift.fingerprint}`,
      ...(drift !== null && { fingerprint: drift.fingerprint }),
    },
  })
}
