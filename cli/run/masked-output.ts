import { ConnectError, type ErrorBody, type StreamId } from '../../protocol/index.ts'
import type { RunProgress, StreamResult } from '../../engine/run-types.ts'
import type { Mask } from '../../protocol/secrets/mask.ts'
import type { RunEnd, RunOutput } from './run-output.ts'

/**
 * Passes everything on without secrets. Only texts of others are masked: in an error its details, not the
 * sentences around them, which may have a word that is somebody's password.
 */
export class MaskedOutput implements RunOutput {
  readonly #output: RunOutput
  readonly #mask: Mask
  /** Progress comes several times a second, with the same ids. */
  readonly #ids = new WeakMap<StreamId, StreamId>()

  constructor(output: RunOutput, mask: Mask) {
    this.#output = output
    this.#mask = mask
  }

  note(text: string): void {
    this.#output.note(this.#mask.text(text))
  }

  progress(progress: RunProgress): void {
    this.#output.progress({ ...progress, streams: this.#named(progress.streams) })
  }

  end(end: RunEnd): void {
    this.#output.end(this.#masked(end))
  }

  #masked(end: RunEnd): RunEnd {
    if (end.kind === 'stopped') return end
    if (end.kind === 'error') return { ...end, error: this.#error(end.error) }
    if (end.kind === 'abandoned') return { ...end, streams: this.#named(end.streams) }
    const { result } = end
    const warnings = result.warnings && this.#texts(result.warnings)
    const streams = this.#named(result.streams).map((stream) => this.#outcome(stream))
    return { ...end, result: { ...result, streams, ...(warnings && { warnings }) } }
  }

  #outcome(stream: StreamResult): StreamResult {
    const { error, warnings, tableNotes } = stream
    return {
      ...stream,
      warnings: this.#texts(warnings),
      tableNotes: tableNotes.map((note) => ({ ...note, column: this.#mask.text(note.column) })),
      ...(error !== undefined && { error: this.#error(error) }),
    }
  }

  #error(error: ErrorBody): ErrorBody {
    return this.#mask.error(ConnectError.fromJSON(error)).toJSON()
  }

  #texts(texts: readonly string[]): readonly string[] {
    return texts.map((text) => this.#mask.text(text))
  }

  #named<Stream extends { readonly stream: StreamId }>(
    streams: readonly Stream[],
  ): readonly Stream[] {
    return streams.map((stream) => ({ ...stream, stream: this.#id(stream.stream) }))
  }

  #id(id: StreamId): StreamId {
    const known = this.#ids.get(id)
    if (known !== undefined) return known
    const { name, namespace } = id
    const masked = {
      name: this.#mask.text(name),
      ...(namespace !== undefined && { namespace: this.#mask.text(namespace) }),
    }
    this.#ids.set(id, masked)
    return masked
  }
}
