import { SourceError } from '../../contracts.ts'
import { optionalNumber, optionalText } from '../../definition.ts'
import type { Environment } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/** The page size of one slice that is read: the API may ask for smaller pages (REDUCE_PAGE_SIZE). */
export class PageSizeReducer {
  readonly #rules: Rules
  readonly #configured: number | null
  readonly #streamName: string
  readonly #environment: Environment
  #reduced: number | null = null
  /** Reductions in a row, without a page that succeeded. */
  #attempts = 0
  #retriesAtMinimum = 0

  /** @param reduction the definition of `page_size_reduction` */
  constructor(
    reduction: PlainDict,
    options: {
      readonly initialPageSize: number | null
      readonly streamName: string
      readonly environment: Environment
    },
  ) {
    this.#rules = rulesOf(reduction)
    this.#configured = options.initialPageSize
    this.#streamName = options.streamName
    this.#environment = options.environment
  }

  /** The page size to ask for instead of the configured one. */
  get override(): number | null {
    return this.#reduced
  }

  /**
   * Makes the page smaller and waits, so that it can be requested again. Throws if nothing is left to try.
   */
  async reduce(reason: string): Promise<void> {
    if (this.#configured === null) throw this.#noPageSize()
    const current = this.#reduced ?? this.#configured
    const { minimum, factor, maxAttempts, backoffSeconds } = this.#rules
    const smaller = Math.max(minimum, Math.floor(current / factor))
    if (smaller >= current) {
      await this.#retryAtMinimum(current, reason)
      return
    }
    this.#attempts += 1
    if (this.#attempts > maxAttempts)
      throw this.#rejected(
        `at every page size the connector requested, down to ${current} records per page.`,
        `Stream ${this.#streamName} reduced its page size ${maxAttempts} times in a row without a single page succeeding; the API rejected the page: ${reason}`,
      )
    this.#reduced = smaller
    this.#environment.logger.info(
      { stream: this.#streamName, from: current, to: smaller },
      'page size reduced',
    )
    await this.#environment.sleep(backoffSeconds * this.#attempts)
  }

  /** A page was read without a reduction. */
  succeeded(): void {
    this.#attempts = 0
    this.#retriesAtMinimum = 0
    if (this.#rules.restores) this.#reduced = null
  }

  /** The smallest page may be requested again: the failure may have been temporary. */
  async #retryAtMinimum(current: number, reason: string): Promise<void> {
    const { retriesAtMinimum, backoffSeconds, minimum } = this.#rules
    if (this.#retriesAtMinimum < retriesAtMinimum) {
      this.#retriesAtMinimum += 1
      await this.#environment.sleep(backoffSeconds * this.#retriesAtMinimum)
      return
    }
    if (this.#reduced === null && minimum > 1)
      throw new SourceError(
        `The page size of stream ${this.#streamName} (${current}) is already at or below the configured minimum of ${minimum}, so the connector cannot reduce it. Raise the page size of the stream, or lower \`minimum_page_size\`.`,
        { failureType: 'config_error', internalMessage: `The API rejected the page: ${reason}` },
      )
    throw this.#rejected(
      `at the smallest page size the connector is allowed to request (${current} records per page).`,
      `Stream ${this.#streamName} still fails with a page size of ${current}, which is the smallest page size allowed by the configured minimum of ${minimum}; the API rejected the page: ${reason}`,
    )
  }

  #rejected(where: string, internalMessage: string): SourceError {
    const { failureMessage } = this.#rules
    const message = `The source keeps rejecting pages of stream ${this.#streamName} ${where}`
    return new SourceError(failureMessage === '' ? message : `${message} ${failureMessage}`, {
      failureType: 'transient_error',
      internalMessage,
    })
  }

  #noPageSize(): SourceError {
    return new SourceError(
      `Stream ${this.#streamName} is set up to reduce its page size on error but does not define one. Set \`page_size\` on the pagination strategy and \`page_size_option\` on the paginator.`,
      { failureType: 'config_error' },
    )
  }
}

interface Rules {
  readonly factor: number
  readonly minimum: number
  readonly maxAttempts: number
  readonly backoffSeconds: number
  readonly retriesAtMinimum: number
  /** After each successful page, the configured size is requested again. */
  readonly restores: boolean
  readonly failureMessage: string
}

function rulesOf(reduction: PlainDict): Rules {
  return {
    factor: optionalNumber(reduction, 'reduction_factor') ?? 2,
    minimum: optionalNumber(reduction, 'minimum_page_size') ?? 1,
    maxAttempts: optionalNumber(reduction, 'max_attempts') ?? 5,
    backoffSeconds: optionalNumber(reduction, 'backoff_seconds') ?? 0.5,
    retriesAtMinimum: optionalNumber(reduction, 'retries_at_minimum_page_size') ?? 0,
    restores: optionalText(reduction, 'reset_policy') === 'AFTER_SUCCESSFUL_PAGE',
    failureMessage: (optionalText(reduction, 'failure_message') ?? '').trim(),
  }
}
