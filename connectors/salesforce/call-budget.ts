import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { ConnectorContext } from '../connector.ts'

/** A warning comes at this share of what may be used. */
const warningShare = 0.8
const defaultPercent = 90

/** The daily calls of the organization, which everybody in it shares, as its responses report them. */
export class CallBudget {
  readonly #stopAtPercent: number
  readonly #subject: string
  readonly #context: Pick<ConnectorContext, 'warn'>
  #used = 0
  #max = 0
  #hasWarned = false

  constructor(
    { stop_at_percent: percent }: JsonObject,
    {
      subject,
      context,
    }: { readonly subject: string; readonly context: Pick<ConnectorContext, 'warn'> },
  ) {
    this.#stopAtPercent = typeof percent === 'number' ? percent : defaultPercent
    this.#subject = subject
    this.#context = context
  }

  /** Throws `source_unavailable` if what may be used is used up. */
  require(): void {
    if (this.#max === 0 || this.#used < this.#allowed) return
    const reason = `the organization has used ${this.#text}, and \`stop_at_percent\` is ${String(this.#stopAtPercent)}. Run again when older calls have left the 24 hours, read less often, or raise \`stop_at_percent\``
    throw new ConnectError('source_unavailable', { details: { subject: this.#subject, reason } })
  }

  /** @param header `Sforce-Limit-Info`, such as `api-usage=18/5000` */
  note(header: string | undefined): void {
    const [, used = '', max = ''] = /api-usage=(\d+)\/(\d+)/.exec(header ?? '') ?? []
    if (max === '') return
    this.#used = Number(used)
    this.#max = Number(max)
    if (this.#hasWarned || this.#used < this.#allowed * warningShare) return
    this.#hasWarned = true
    const left = Math.max(0, Math.floor(this.#allowed) - this.#used)
    this.#context.warn?.(
      `The organization has used ${this.#text}. Reads stop at ${String(this.#stopAtPercent)} % (\`stop_at_percent\`): ${String(left)} calls are left until then.`,
    )
  }

  get #allowed(): number {
    return (this.#max * this.#stopAtPercent) / 100
  }

  get #text(): string {
    return `${String(this.#used)} of its ${String(this.#max)} calls of the last 24 hours`
  }
}
