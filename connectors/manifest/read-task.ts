import { SourceError, type SideMessage } from '../../manifest-interpreter/contracts.ts'
import { isPlainDict } from '../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import type {
  SourceFailure,
  SourceMessage,
  SourceOutput,
} from '../../manifest-interpreter/source/messages.ts'
import type { Dict, Value } from '../../manifest-interpreter/value/value.ts'
import { ConnectError } from '../../protocol/errors/connect-error.ts'
import { streamLabel, type RecordData } from '../../protocol/index.ts'
import type { ConnectorContext, ReadTask, RecordOutput } from '../connector.ts'
import type { LoadedManifest } from './load-manifest-file.ts'
import { configOf } from './source-config.ts'
import { SourceEnvironment } from './source-environment.ts'
import { authorizationFailure, sourceFailure } from './source-failure.ts'
import { watchTextCursor } from './text-cursor.ts'
import { stateFromJson, stateToJson } from './state-json.ts'

/** Reads a stream of a manifest to its end, from its state. */
export async function readManifestTask(
  { manifest, directory }: LoadedManifest,
  task: ReadTask,
  { out, context }: { readonly out: RecordOutput; readonly context: ConnectorContext },
): Promise<'complete' | 'stopped'> {
  const { name } = task.stream.stream
  const watch = watchTextCursor(manifest, task.stream, (warning) => context.warn?.(warning))
  const output = new TaskOutput(out, context, watch)
  await using environment = new SourceEnvironment({
    context,
    manifestDirectory: directory,
    // Otherwise a state, or the end of a replaced table, would skip the records of the response, and no later
    // run would read them.
    unreadableAnswers: 'fail',
    emit: (message) => {
      output.side(message)
    },
  })
  try {
    // Imported on first use, as in connector.ts.
    const { ManifestSource } = await import('../../manifest-interpreter/source/manifest-source.ts')
    await using source = new ManifestSource({
      manifest,
      config: configOf(task.config),
      environment,
    })
    const state = task.state === null ? [] : [streamState(name, stateFromJson(task.state))]
    await source.read({ catalog: catalogOf(task), state, stopsAtFailure: true }, output)
    return 'complete'
  } catch (error) {
    if (context.signal.aborted) return stopped(name, output)
    const subject = `Stream ${name}`
    const { authorizationLost } = environment
    if (authorizationLost !== undefined) throw authorizationFailure(authorizationLost, subject)
    throw readFailure(output.failure ?? error, task)
  }
}

function readFailure(error: unknown, { stream }: ReadTask): unknown {
  if (!(error instanceof SourceError) || !error.isUnreadableAnswer)
    return sourceFailure(error, `Stream ${stream.stream.name}`)
  const details = { stream: streamLabel(stream.stream), reason: error.message }
  return new ConnectError('source_answer_unreadable', { details, cause: error })
}

/** A stopped read ends at its last state; later records are read again. */
function stopped(stream: string, output: TaskOutput): 'stopped' {
  if (output.isCovered) return 'stopped'
  const reason = 'it was in the middle of a slice, which is read again from its start'
  throw new ConnectError('source_read_interrupted', { details: { stream, reason } })
}

class TaskOutput implements SourceOutput {
  readonly #out: RecordOutput
  readonly #context: ConnectorContext
  readonly #watch: ((records: readonly Dict[]) => void) | undefined
  #failure: SourceFailure | undefined
  /** Whether a state covers every record so far. */
  isCovered = true

  constructor(
    out: RecordOutput,
    context: ConnectorContext,
    watch?: (records: readonly Dict[]) => void,
  ) {
    this.#watch = watch
    this.#out = out
    this.#context = context
  }

  /** Why the stream failed: the error that `read` throws only says that it did. */
  get failure(): SourceError | ConnectError | undefined {
    if (this.#failure?.error !== undefined) return this.#failure.error
    if (this.#failure === undefined) return undefined
    const { message, failureType, internalMessage, mayPass, isUnreadableAnswer } = this.#failure
    return new SourceError(
      // The reason of an unexpected error is in its internal message.
      failureType === 'system_error' && !message.includes(internalMessage ?? '')
        ? `${message}: ${internalMessage ?? ''}`
        : message,
      { failureType, mayPass, isUnreadableAnswer },
    )
  }

  async records(_stream: string, records: readonly Dict[]): Promise<void> {
    this.isCovered = false
    this.#watch?.(records)
    await this.#out.records(records.map(recordData))
  }

  async message(message: SourceMessage): Promise<void> {
    switch (message.kind) {
      case 'state':
        await this.#out.state(stateToJson(message.state))
        this.isCovered = true
        return
      case 'failure':
        this.#failure ??= message
        return
      case 'authorization-lost':
      case 'config':
      case 'error':
      case 'rate-limited':
      case 'unreadable':
        this.side(message)
        return
      case 'status':
    }
  }

  side(message: SideMessage): void {
    switch (message.kind) {
      case 'rate-limited':
        this.#out.rateLimited(this.#context.now() + (message.seconds ?? 0) * 1000)
        return
      case 'error':
        this.#context.logger.warn({ reason: message.error.message }, 'the source tries again')
        return
      // The environment reports it to the context.
      case 'config':
      // The failure that comes with it reports it.
      case 'unreadable':
      case 'authorization-lost':
    }
  }
}

/** Objects that JSON.parse made are passed on unchanged. */
function recordData(record: Dict): RecordData {
  const value = toRecordValue(record)
  return typeof value === 'object' && value !== null ? (value as RecordData) : {}
}

function catalogOf({ stream }: ReadTask): Dict {
  const configured = parseJson(JSON.stringify(stream))
  return { streams: [isPlainDict(configured) ? configured : {}] }
}

function streamState(name: string, state: Value): Dict {
  return { type: 'STREAM', stream: { stream_descriptor: { name }, stream_state: state } }
}
