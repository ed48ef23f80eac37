import { ConnectError } from '../../protocol/index.ts'
import { plainText } from '../output/plain-text.ts'

/** The result of one check. */
export interface Finding {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'failed'
  readonly detail: string
  /** What to do about it. */
  readonly fix?: string
}

/** The result of `look`; an error that it throws is the result. */
export async function finding(name: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look()
  } catch (thrown) {
    const { message, suggestedFix: fix } = ConnectError.from(thrown)
    return { name, status: 'failed', detail: plainText(message), fix }
  }
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
