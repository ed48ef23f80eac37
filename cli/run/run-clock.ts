import { streamKey } from '../../protocol/index.ts'
import type { RunProgress, StreamProgress } from '../../engine/run-types.ts'

/** How fast a stream moves now. */
export interface StreamPace {
  readonly rowsPerSecond: number
  readonly bytesPerSecond: number
  /** Rows loaded, while `rowsPerSecond` counts rows read. */
  readonly loadedPerSecond: number
}

interface Sample {
  readonly atMs: number
  readonly read: number
  readonly readBytes: number
  readonly loaded: number
}

interface Watched {
  readonly samples: Sample[]
  /** When the stream was last seen waiting, else the start of the run. */
  startMs: number
  lastMs: number
  ended: boolean
}

const standing: StreamPace = { rowsPerSecond: 0, bytesPerSecond: 0, loadedPerSecond: 0 }

/** Long enough to smooth batches out, short enough to show a source that slows down. */
const windowMs = 5_000

/** Watches the progress of a run: the pace of each stream over the last seconds, and how long it ran. */
export class RunClock {
  readonly #streams = new Map<string, Watched>()
  /** The samples of all streams together. */
  readonly #run: Sample[] = []

  observe(progress: RunProgress): void {
    for (const stream of progress.streams) this.#observeStream(stream, progress)
    const { atMs, streams } = progress
    const total = (value: (stream: StreamProgress) => number): number =>
      streams.reduce((sum, stream) => sum + value(stream), 0)
    keepRecent(this.#run, {
      atMs,
      read: total(({ read }) => read),
      readBytes: total(({ readBytes }) => readBytes),
      loaded: total(({ loaded }) => loaded),
    })
  }

  /** The pace of the whole run, including streams that have ended. */
  get runPace(): StreamPace {
    return paceOf(this.#run)
  }

  pace(stream: StreamProgress): StreamPace {
    return paceOf(this.#streams.get(streamKey(stream.stream))?.samples ?? [])
  }

  /** How long the stream ran, to about a quarter of a second; undefined for one that never began. */
  seconds(stream: StreamProgress): number | undefined {
    const watched = this.#streams.get(streamKey(stream.stream))
    if (watched === undefined || watched.lastMs <= watched.startMs) return undefined
    return (watched.lastMs - watched.startMs) / 1000
  }

  #observeStream(stream: StreamProgress, progress: RunProgress): void {
    const key = streamKey(stream.stream)
    const watched = this.#streams.get(key) ?? {
      samples: [],
      startMs: progress.startedAtMs,
      lastMs: 0,
      ended: false,
    }
    this.#streams.set(key, watched)
    const { atMs } = progress
    if (watched.ended) return
    if (stream.status === 'waiting') {
      watched.startMs = atMs
      return
    }
    watched.lastMs = atMs
    watched.ended = stream.status !== 'running'
    const { read, readBytes, loaded } = stream
    keepRecent(watched.samples, { atMs, read, readBytes, loaded })
  }
}

function keepRecent(samples: Sample[], sample: Sample): void {
  samples.push(sample)
  while (samples.length > 2 && (samples[1]?.atMs ?? sample.atMs) < sample.atMs - windowMs)
    samples.shift()
}

function paceOf(samples: readonly Sample[]): StreamPace {
  const first = samples[0]
  const last = samples.at(-1)
  const seconds = first && last ? (last.atMs - first.atMs) / 1000 : 0
  if (first === undefined || last === undefined || seconds <= 0) return standing
  return {
    rowsPerSecond: (last.read - first.read) / seconds,
    bytesPerSecond: (last.readBytes - first.readBytes) / seconds,
    loadedPerSecond: (last.loaded - first.loaded) / seconds,
  }
}
