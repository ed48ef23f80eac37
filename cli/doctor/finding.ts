import { ConnectError } from '../../protocol/index.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { plainText } from '../output/plain-text.ts'

/** The result of one check. */
export interface Finding {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'failed'
  readonly detail: string
  /** The next step. */
  readonly fix?: string
}

/** The result of `look`; an error that it throws is the result. */
export async function finding(name: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look()
  } catch (thrown) {
    const problem = pathProblem(thrown)
    if (problem !== undefined) return { name, status: 'failed', ...problem }
    const { message, suggestedFix: fix } = ConnectError.from(thrown)
    return { name, status: 'failed', detail: plainText(message), fix }
  }
}

const pathFixes: Readonly<Record<string, string>> = {
  EACCES: 'Run this as the user of the service (`sudo -u USER …`).',
  EPERM: 'Run this as the user of the service (`sudo -u USER …`).',
  ENOTDIR:
    'A part of this path is a file: name the data folder of the service with `--data-dir` or `REACTOR_CONNECT_DATA_DIR`.',
}

/**
 * A path that this user cannot reach, or that leads nowhere. The error may be the cause of one of the vault.
 */
function pathProblem(thrown: unknown): Pick<Finding, 'detail' | 'fix'> | undefined {
  const { cause } = thrown instanceof ConnectError ? thrown : { cause: thrown }
  if (!(cause instanceof Error) || !('path' in cause) || typeof cause.path !== 'string')
    return undefined
  const code = errorCodeOf(cause) ?? ''
  const fix = pathFixes[code]
  if (fix === undefined) return undefined
  return { detail: plainText(`${cause.path} cannot be reached (${code})`), fix }
}

/** Beyond this, replay windows of webhooks and lifetimes of tokens go wrong. */
const mostSkewMs = 30_000

/** A wrong clock turns a success into a warning. */
export function withClock(result: Finding, aheadMs: number): Finding {
  if (Math.abs(aheadMs) <= mostSkewMs) return result
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  const way = aheadMs > 0 ? 'ahead of' : 'behind'
  return {
    ...result,
    status: 'warning',
    detail: `${result.detail}; its clock is ${seconds} s ${way} this machine's`,
    fix: 'Set both clocks by NTP.',
  }
}
