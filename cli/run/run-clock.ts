import { streamLabel } from '../../protocol/index.ts'
import type { RunProgress, StreamProgress } from '../../engine/run-types.ts'

/** How fast a stream moves now. */
export interface StreamPace {
  readonly rowsPerSecond: number
  readonly bytesPerSecond: number
}

interface Sample {
  readonly atMs: number
  readonly read: number
  readonly readBytes: number
}

interface Watched {
  readonly samples: Sample[]
  firstRunningMs: number | undefined
  endedMs: number | undefined
}

/** Long enough to smooth batches out, short enough to show a source that slows down. */
const windowMs = 5_000

/** Watches the progress of a run: the pace of each stream over the last seconds, and how long it ran. */
export class RunClock {
  readonly #streams = new Map<string, Watched>()

  observe(progress: RunProgress): void {
    for (const stream of progress.streams) this.#observeStream(stream, progress.atMs)
  }

  pace(stream: StreamProgress): StreamPace {
    const samples = this.#streams.get(streamLabel(stream.stream))?.samples ?? []
    const first = samples[0]
    const last = samples.at(-1)
    const seconds = first && last ? (last.atMs - first.atMs) / 1000 : 0
    if (first === undefined || last === undefined || seconds <= 0)
      return { rowsPerSecond: 0, bytesPerSecond: 0 }
    return {
      rowsPerSecond: (last.read - first.read) / seconds,
      bytesPerSecond: (last.readBytes - first.readBytes) / seconds,
    }
  }

  /** Seconds from the first to the last progress of the stream; undefined for one that was never seen running. */
  seconds(stream: StreamProgress): number | undefined {
    const watched = this.#streams.get(streamLabel(stream.stream))
    if (watched?.firstRunningMs === undefined || watched.endedMs === undefined) return undefined
    const seconds = (watched.endedMs - watched.firstRunningMs) / 1000
    return seconds > 0 ? seconds : undefined
  }

  #observeStream(stream: StreamProgress, atMs: number): void {
    const label = streamLabel(stream.stream)
    const watched = this.#streams.get(label) ?? {
      samples: [],
      firstRunningMs: undefined,
      endedMs: undefined,
    }
    this.#streams.set(label, watched)
    if (stream.status === 'waiting') return
    // A stream begins after the progress before it: the first sample counts from there.
    watched.firstRunningMs ??= atMs
    if (stream.status === 'running') watched.endedMs = atMs
    else watched.endedMs ??= atMs
    watched.samples.push({ atMs, read: stream.read, readBytes: stream.readBytes })
    while (watched.samples.length > 2 && (watched.samples[1]?.atMs ?? atMs) < atMs - windowMs)
      watched.samples.shift()
  }
}
