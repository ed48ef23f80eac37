import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import type { Run } from './schema.ts'

/** Submits a new run to Jobs. If Jobs does not get it, the run is found in the store within half a minute. */
export async function submitRun(
  { id: run, connection }: Run,
  { jobs, logger }: { readonly jobs: Pick<Jobs, 'submit'>; readonly logger: Logger },
): Promise<void> {
  await jobs.submit({ run, connection, attempt: 0, delayMs: 0 }).catch((error: unknown) => {
    const { code } = ConnectError.from(error)
    logger.warn({ run, code }, 'a run could not be given to Jobs')
  })
}
