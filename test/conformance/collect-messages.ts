import { SourceError } from '../../manifest-interpreter/contracts.ts'
import type { SideMessage } from '../../manifest-interpreter/contracts.ts'
import type { CatalogStream } from '../../manifest-interpreter/source/catalog-stream.ts'
import type { ConnectionStatus } from '../../manifest-interpreter/source/check-connection.ts'
import type { SourceMessage, SourceOutput } from '../../manifest-interpreter/source/messages.ts'
import type { Dict } from '../../manifest-interpreter/value/value.ts'
import type { ExpectedMessage } from './case-files.ts'

/** Collects what a command gives, in the canonical form of the cases. */
export class CollectedMessages implements SourceOutput {
  readonly #records: ExpectedMessage[] = []
  readonly #states = new Map<string, Dict>()
  readonly #statuses = new Map<string, string[]>()
  readonly #rateLimited = new Map<string, number>()
  readonly #rest: ExpectedMessage[] = []
  readonly #causes: string[] = []

  async records(stream: string, records: readonly Dict[]): Promise<void> {
    await Promise.resolve()
    for (const data of records) this.#records.push({ type: 'RECORD', stream, data })
  }

  async message(message: SourceMessage): Promise<void> {
    await Promise.resolve()
    switch (message.kind) {
      case 'state':
        this.#states.set(message.stream, message.state)
        return
      case 'status':
        this.#statuses.set(message.stream, [
          ...(this.#statuses.get(message.stream) ?? []),
          message.status,
        ])
        return
      case 'failure':
        this.#causes.push(`${message.message} ${message.internalMessage ?? ''}`)
        this.#rest.push({
          type: 'TRACE_ERROR',
          stream: message.stream,
          failure_type: message.failureType,
        })
        return
      case 'authorization-lost':
      case 'config':
      case 'error':
      case 'rate-limited':
      case 'unreadable':
        this.side(message)
    }
  }

  readonly side = (message: SideMessage): void => {
    switch (message.kind) {
      case 'config':
        this.#rest.push({ type: 'CONTROL', config: message.config })
        return
      case 'error':
        this.#rest.push({
          type: 'TRACE_ERROR',
          stream: message.error.stream ?? null,
          failure_type: message.error.failureType,
        })
        return
      case 'rate-limited':
        this.#rateLimited.set(message.stream, (this.#rateLimited.get(message.stream) ?? 0) + 1)
        return
      case 'authorization-lost':
      // The reference logs it, and says nothing in its messages.
      case 'unreadable':
    }
  }

  spec(spec: Dict): void {
    this.#rest.push({ type: 'SPEC', spec })
  }

  status(status: ConnectionStatus): void {
    if (status.status === 'FAILED') this.#causes.push(status.message)
    this.#rest.push({ type: 'CONNECTION_STATUS', status: status.status })
  }

  /** `names`: of large connectors only the streams read are compared, and the names of all. */
  catalog(streams: readonly CatalogStream[], compared: ReadonlySet<string> | null): void {
    for (const stream of streams)
      if (compared === null || compared.has(stream.name))
        this.#rest.push({ type: 'CATALOG_STREAM', stream })
    if (compared !== null)
      this.#rest.push({ type: 'CATALOG_NAMES', names: streams.map(({ name }) => name) })
  }

  raised(error: unknown): void {
    this.#causes.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    const failureType = error instanceof SourceError ? error.failureType : null
    this.#rest.push({ type: 'RAISED', failure_type: failureType })
  }

  messages(): ExpectedMessage[] {
    return [
      ...this.#records,
      ...[...this.#states].map(([stream, state]) => ({ type: 'STATE', stream, state })),
      ...[...this.#statuses].map(([stream, statuses]) => ({ type: 'STATUS', stream, statuses })),
      ...[...this.#rateLimited].map(([stream, count]) => ({ type: 'RATE_LIMITED', stream, count })),
      ...this.#rest,
    ]
  }

  /** The internal errors, which help to understand a difference. */
  causes(): readonly string[] {
    return this.#causes
  }
}
