import { ConnectError } from '../../protocol/index.ts'
import { plainText } from '../output/plain-text.ts'

/** What the doctor found of one thing. */
export interface Finding {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'failed'
  readonly detail: string
  /** What to do about it. */
  readonly fix?: string
}

/** What `look` finds; what it throws is the finding. */
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

/** A clock that goes wrong makes of something that works a warning. */
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
