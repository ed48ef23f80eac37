import type { RunProgress, StreamProgress } from '../../engine/run-types.ts'
import { clock, count, counted, megabytesPerSecond, rows, size } from './amounts.ts'
import type { RunClock, StreamPace } from './run-clock.ts'
import { plainLabel } from './plain-label.ts'

/** Then people have to know that the source keeps too much. */
const soonSeconds = 24 * 3600

/** The lines of the live display: how many streams are done, and one line for each that runs. */
export function liveLines(progress: RunProgress, runClock: RunClock): readonly string[] {
  const running = progress.streams.filter(({ status }) => status === 'running')
  const nameWidth = Math.max(8, ...running.map(({ stream }) => plainLabel(stream).length))
  const lines = running.map((stream) => {
    const facts = streamFacts(stream, { pace: runClock.pace(stream), atMs: progress.atMs })
    return `  ${plainLabel(stream.stream).padEnd(nameWidth)}  ${facts.join('  ')}`
  })
  return [
    [
      streamCounts(progress),
      clock((progress.atMs - progress.startedAtMs) / 1000),
      ...lagFacts(progress),
    ].join('  '),
    ...lines,
  ]
}

/** The whole run in one line, if the output is not a terminal. */
export function plainLine(progress: RunProgress, runClock: RunClock): string {
  const { streams } = progress
  const running = streams.filter(({ status }) => status === 'running')
  const exchanging = running.filter(isExchanging).length
  const pace = runClock.runPace
  const moving = [
    `${count(pace.rowsPerSecond)} rows/s`,
    megabytesPerSecond(pace.bytesPerSecond),
    ...remaining(streams, pace),
  ]
  const facts = [
    `read ${rows(sum(streams.map(({ read }) => read)))}`,
    `loaded ${count(sum(streams.map(({ loaded }) => loaded)))}`,
    // While rows are exchanged nothing is read or loaded: a pace of 0 would look like a stall.
    ...(exchanging > 0 && exchanging === running.length ? [] : moving),
    ...(exchanging > 0 ? [`exchanging the rows of ${counted(exchanging, 'table')}`] : []),
    ...lagFacts(progress),
  ]
  return `${streamCounts(progress)}: ${facts.join(', ')}`
}

/** How far a continuous run is behind its source. */
function lagFacts({ lag }: RunProgress): readonly string[] {
  if (lag === undefined) return []
  const { bytes, seconds, secondsLeft = Number.POSITIVE_INFINITY } = lag
  return [
    `${size(bytes)} and ${clock(seconds)} behind`,
    ...(secondsLeft < soonSeconds
      ? [`the source keeps ${size(lag.keptBytes)} of its log, too much in ${clock(secondsLeft)}`]
      : []),
  ]
}

/** An overwrite has read everything and puts it into the table. */
function isExchanging({ bottleneck }: StreamProgress): boolean {
  return bottleneck === 'exchange'
}

function streamFacts(
  stream: StreamProgress,
  now: { readonly pace: StreamPace; readonly atMs: number },
): readonly string[] {
  const lag = Math.max(0, stream.read - stream.loaded - stream.rejected)
  const limitedMs = (stream.rateLimitedUntilMs ?? 0) - now.atMs
  if (limitedMs > 0)
    return [
      rows(stream.loaded),
      `waiting for the source's rate limit, ${clock(limitedMs / 1000)} left`,
    ]
  if (isExchanging(stream))
    return [rows(stream.loaded).padStart(16), 'all loaded; exchanging the rows of the table']
  return [
    rows(stream.loaded).padStart(16),
    `${count(now.pace.rowsPerSecond)} rows/s`.padStart(14),
    megabytesPerSecond(now.pace.bytesPerSecond).padStart(11),
    `${count(lag)} to load`.padStart(15),
    ...remaining([stream], now.pace),
    ...(stream.bottleneck === undefined ? [] : [`slowest: ${stream.bottleneck}`]),
    ...(stream.rejected > 0 ? [`${count(stream.rejected)} rejected`] : []),
  ]
}

/**
 * Percent and time left of the streams together, if the source estimated all of those that have not ended. An
 * estimate that was too low says nothing more.
 */
function remaining(streams: readonly StreamProgress[], pace: StreamPace): readonly string[] {
  const estimates = streams.map(expectedRows)
  const known = estimates.filter((estimate) => estimate !== undefined)
  const estimated = sum(known)
  if (known.length < estimates.length || estimated === 0) return []
  const done = sum(streams.map(({ loaded, rejected }) => loaded + rejected))
  const percent = `${Math.min(99, Math.floor((done / estimated) * 100))} %`
  const toRead = estimated - sum(streams.map(({ read }) => read))
  const seconds = Math.max(
    secondsFor(toRead, pace.rowsPerSecond),
    secondsFor(estimated - done, pace.loadedPerSecond),
  )
  return seconds > 0 ? [percent, `ETA ${clock(seconds)}`] : [percent]
}

/** A stream that has ended has no more rows than it had. */
function expectedRows(stream: StreamProgress): number | undefined {
  const isOpen = stream.status === 'waiting' || stream.status === 'running'
  return isOpen ? stream.estimatedRows : stream.loaded + stream.rejected
}

/** 0 if it is not known: nothing is left, or nothing moves. */
function secondsFor(left: number, perSecond: number): number {
  return left > 0 && perSecond >= 1 ? left / perSecond : 0
}

function streamCounts(progress: RunProgress): string {
  const done = progress.streams.filter(
    ({ status }) => status !== 'waiting' && status !== 'running',
  ).length
  return `${count(done)} of ${counted(progress.streams.length, 'stream')} done`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
