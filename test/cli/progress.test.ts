import { describe, expect, test } from 'vitest'
import { clock, duration } from '../../cli/run/amounts.ts'
import { HumanOutput } from '../../cli/run/human-output.ts'
import { JsonOutput } from '../../cli/run/json-output.ts'
import { LastProgress } from '../../cli/run/last-progress.ts'
import { logLine } from '../../cli/run/log-lines.ts'
import { plainPaint } from '../../cli/output/paint.ts'
import { liveLines, plainLine } from '../../cli/run/progress-lines.ts'
import { RunClock } from '../../cli/run/run-clock.ts'
import { Screen } from '../../cli/output/screen.ts'
import type { RunProgress, RunResult, StreamProgress } from '../../engine/run-types.ts'
import { ConnectError } from '../../protocol/index.ts'

const customers = { namespace: 'public', name: 'customers' }

function streamAt(read: number, more: Partial<StreamProgress> = {}): StreamProgress {
  return {
    stream: customers,
    status: 'running',
    read,
    readAgain: 0,
    readBytes: read * 100,
    loaded: Math.floor(read * 0.9),
    rejected: 0,
    nulled: 0,
    cut: 0,
    ...more,
  }
}

function progressAt(seconds: number, ...streams: readonly StreamProgress[]): RunProgress {
  return { startedAtMs: 1_000, atMs: 1_000 + seconds * 1_000, streams }
}

describe('the lines of progress', () => {
  test('streams whose parts join to one text have a pace each', () => {
    const runClock = new RunClock()
    const first = { stream: { namespace: 'a', name: 'b.c' } }
    const other = { stream: { namespace: 'a.b', name: 'c' } }
    runClock.observe(progressAt(0, streamAt(0, first), streamAt(0, other)))
    runClock.observe(progressAt(1, streamAt(1_000, first), streamAt(50, other)))
    expect(runClock.pace(streamAt(1_000, first)).rowsPerSecond).toBe(1_000)
    expect(runClock.pace(streamAt(50, other)).rowsPerSecond).toBe(50)
  })

  test('a running stream shows rows, pace, lag, percent and time left', () => {
    const runClock = new RunClock()
    runClock.observe(progressAt(0, streamAt(0, { estimatedRows: 2_000_000 })))
    const now = progressAt(4, streamAt(1_000_000, { estimatedRows: 2_000_000 }))
    runClock.observe(now)
    const [head, line] = liveLines(now, runClock)
    expect(head).toBe('0 of 1 stream done  0:04')
    expect(line?.replace(/ +/g, ' ')).toBe(
      ' public.customers 900,000 rows 250,000 rows/s 25.0 MB/s 100,000 to load 45 % ETA 0:05',
    )
  })

  test('a running stream shows the stage that holds it up', () => {
    const now = progressAt(1, streamAt(10, { bottleneck: 'merge' }))
    expect(liveLines(now, new RunClock())[1]).toMatch(/to load {2}slowest: merge$/)
  })

  test('without an estimate there is no percent, and the pace is of the last seconds', () => {
    const runClock = new RunClock()
    for (let second = 0; second <= 20; second++)
      runClock.observe(progressAt(second, streamAt(second < 10 ? second * 1_000 : 10_000)))
    const now = progressAt(20, streamAt(10_000))
    expect(plainLine(now, runClock)).toBe(
      '0 of 1 stream done: read 10,000 rows, loaded 9,000, 0 rows/s, 0.0 MB/s',
    )
  })

  test('while rows are exchanged there is no pace and no percent, which would look like a stall', () => {
    const exchanging = streamAt(100, { loaded: 100, estimatedRows: 100, bottleneck: 'exchange' })
    const runClock = new RunClock()
    runClock.observe(progressAt(0, exchanging))
    const now = progressAt(30, exchanging)
    runClock.observe(now)
    expect(plainLine(now, runClock)).toBe(
      '0 of 1 stream done: read 100 rows, loaded 100, exchanging the rows of 1 table',
    )
    expect(liveLines(now, runClock)[1]).toMatch(
      /100 rows {2}all loaded; exchanging the rows of the table$/,
    )
    const both = progressAt(30, exchanging, streamAt(10, { stream: { name: 'b' } }))
    expect(plainLine(both, runClock)).toMatch(/rows\/s, .*, exchanging the rows of 1 table$/)
  })

  test('percent, time left and pace are those of the run, not of the streams under way', () => {
    const stream = (name: string, more: Partial<StreamProgress>): StreamProgress =>
      streamAt(100, { loaded: 100, stream: { name }, ...more })
    const waiting = stream('c', { read: 0, readBytes: 0, loaded: 0, status: 'waiting' })
    const runClock = new RunClock()
    const first = stream('a', { read: 0, readBytes: 0, loaded: 0, estimatedRows: 100 })
    runClock.observe(progressAt(0, first, waiting, waiting))
    const ended = stream('a', { status: 'complete' })
    const running = stream('b', { read: 50, loaded: 50, estimatedRows: 100 })
    const now = progressAt(5, ended, running, waiting)
    runClock.observe(now)
    // Nothing is known of the one that waits. The pace counts the stream that has ended.
    expect(plainLine(now, runClock)).toBe(
      '1 of 3 streams done: read 150 rows, loaded 150, 30 rows/s, 0.0 MB/s',
    )
    const planned = progressAt(5, ended, running, { ...waiting, estimatedRows: 400 })
    expect(plainLine(planned, runClock)).toBe(
      '1 of 3 streams done: read 150 rows, loaded 150, 30 rows/s, 0.0 MB/s, 25 %, ETA 0:15',
    )
  })

  test('a stream that waits for a rate limit says so', () => {
    const now = progressAt(1, streamAt(10, { rateLimitedUntilMs: 62_000 }))
    expect(liveLines(now, new RunClock())[1]).toContain(
      "waiting for the source's rate limit, 1:00 left",
    )
  })

  test('only running streams have a line', () => {
    const now = progressAt(
      1,
      streamAt(10, { status: 'complete' }),
      streamAt(0, { status: 'waiting', stream: { name: 'b' } }),
    )
    expect(liveLines(now, new RunClock())).toEqual(['1 of 2 streams done  0:01'])
  })

  test('times are written as people do', () => {
    expect([clock(42.4), clock(185), clock(3_723), duration(4.21), duration(61)]).toEqual([
      '0:42',
      '3:05',
      '1:02:03',
      '4.2 s',
      '1:01',
    ])
  })
})

class Recording {
  readonly writes: string[] = []
  isTTY = true
  columns = 80
  rows = 10
  write(text: string): void {
    this.writes.push(text)
  }
}

describe('the screen', () => {
  test('redraws in place with one write', () => {
    const output = new Recording()
    const screen = new Screen(output)
    screen.live(['one', 'two'])
    screen.live(['three'])
    expect(output.writes).toEqual([
      '\u001B[?2026hone\u001B[K\ntwo\u001B[K\n\u001B[J\u001B[?2026l',
      '\u001B[?2026h\u001B[2A\rthree\u001B[K\n\u001B[J\u001B[?2026l',
    ])
  })

  test('a line that stays goes above the live lines', () => {
    const output = new Recording()
    const screen = new Screen(output)
    screen.live(['live'])
    screen.line('stays')
    expect(output.writes[1]).toBe(
      '\u001B[?2026h\u001B[1A\rstays\u001B[K\nlive\u001B[K\n\u001B[J\u001B[?2026l',
    )
  })

  test('a narrower terminal has wrapped what was drawn: the redraw goes up over all of it', () => {
    const output = new Recording()
    const screen = new Screen(output)
    screen.live(['x'.repeat(70)])
    output.columns = 30
    screen.live(['y'.repeat(70)])
    expect(output.writes[1]).toContain('\u001B[3A\r')
    expect(output.writes[1]).toContain(`${'y'.repeat(28)}…\u001B[K`)
  })

  test('never draws more lines than the terminal has', () => {
    const output = new Recording()
    new Screen(output).live(Array.from({ length: 50 }, (_, index) => String(index)))
    expect(output.writes[0]?.split('\n')).toHaveLength(10)
  })

  test('draws nothing live where the output is no terminal', () => {
    const output = new Recording()
    output.isTTY = false
    const screen = new Screen(output)
    screen.live(['live'])
    screen.line('stays')
    expect(output.writes).toEqual(['stays\n'])
  })
})

const result: RunResult = {
  status: 'partial',
  seconds: 4,
  streams: [
    {
      ...streamAt(10_000, { status: 'complete', loaded: 9_999, rejected: 1 }),
      nulled: 0,
      cut: 0,
      tableNotes: [],
      syncId: 1,
      generationId: 1,
      resumed: true,
      progressed: true,
      seconds: 1,
      warnings: ['the log was empty'],
    },
    {
      ...streamAt(0, { status: 'failed', stream: { name: 'b' } }),
      nulled: 0,
      cut: 0,
      tableNotes: [],
      syncId: 1,
      generationId: 1,
      resumed: false,
      progressed: false,
      seconds: 1,
      warnings: [],
      error: {
        code: 'unexpected',
        message: 'it broke',
        suggested_fix: 'Mend it.',
        failure_type: 'system_error',
        docs_url: 'docs/errors/unexpected.md',
      },
    },
  ],
}

describe('human output', () => {
  test('redraws at most five times a second', () => {
    const output = new Recording()
    const human = new HumanOutput(new Screen(output), plainPaint)
    for (let position = 0; position <= 2; position += 0.05)
      human.progress(progressAt(position, streamAt(position * 1_000)))
    expect(output.writes.length).toBeLessThanOrEqual(11)
    expect(output.writes.length).toBeGreaterThanOrEqual(9)
  })

  test('writes a plain line every five seconds where the output is no terminal', () => {
    const output = new Recording()
    output.isTTY = false
    const human = new HumanOutput(new Screen(output), plainPaint)
    for (let position = 0; position <= 11; position += 0.25)
      human.progress(progressAt(position, streamAt(position * 1_000)))
    expect(output.writes).toHaveLength(2)
  })

  test('says of each stream once that it has ended, and only with the result if all end at once', () => {
    const linesOf = (...steps: readonly RunProgress[]): readonly string[] => {
      const output = new Recording()
      output.isTTY = false
      const human = new HumanOutput(new Screen(output), plainPaint)
      for (const step of steps) human.progress(step)
      return output.writes
        .join('')
        .split('\n')
        .filter((line) => line.includes(': complete'))
    }
    const ended = { status: 'complete', loaded: 9 } as const
    const [a, b] = [{ stream: { name: 'a' } }, { stream: { name: 'b' } }]
    const last = progressAt(2, streamAt(9, { ...a, ...ended }), streamAt(9, { ...b, ...ended }))
    expect(
      linesOf(progressAt(1, streamAt(9, { ...a, ...ended }), streamAt(5, b)), last, last),
    ).toEqual(['a: complete, 9 rows loaded', 'b: complete, 9 rows loaded'])
    expect(linesOf(progressAt(1, streamAt(5, a), streamAt(5, b)), last, last)).toEqual([])
  })

  test('says under a stream what happened to the columns of its table', () => {
    const output = new Recording()
    output.isTTY = false
    const human = new HumanOutput(new Screen(output), plainPaint)
    const [stream] = result.streams
    const tableNotes = [
      { kind: 'added', column: 'a', type: 'date' },
      { kind: 'added', column: 'e', type: 'date', again: true },
      { kind: 'added', column: 'f', type: 'date', replaced: true },
      { kind: 'widened', column: 'b', type: 'text', was: 'bigint' },
      { kind: 'kept', column: 'c', type: 'text', source: 'bigint' },
      { kind: 'left', column: 'd', type: 'text' },
    ] as const
    const streams = stream === undefined ? [] : [{ ...stream, tableNotes }]
    human.end({ kind: 'result', result: { ...result, status: 'complete', streams }, exitCode: 0 })
    const lines = output.writes.join('').split('\n')
    expect(lines.filter((line) => line.startsWith('  columns:'))).toEqual([
      '  columns: column a was added (date): rows that were loaded before have NULL in it until the source sends them again, also if the source has a default',
      '  columns: column e was added again (date): older rows have NULL in it until the source sends them again',
      '  columns: column f was added (date)',
      '  columns: column b was changed from bigint to text, which holds all values that the source has now',
      '  columns: column c stays text, although the source now has bigint: text holds the values of both',
      '  columns: column d is no longer a column of the stream (the source does not have it, or `columns` leaves it out): rows that stay keep their values of it, and rows that are loaded from now on have none (after an overwrite: no row)',
      expect.stringMatching(
        /^ {2}columns: to read all rows again, reset the stream \(`reactor connect reset FILE --streams \S+`, or in the service `reactor connect connections reset NAME --streams/,
      ),
    ])
  })

  test('sends the user to the warnings if no stream failed, and asks for the fix first if one cannot pass by itself', () => {
    const endOf = (streams: RunResult['streams']): string => {
      const output = new Recording()
      output.isTTY = false
      const human = new HumanOutput(new Screen(output), plainPaint)
      human.end({ kind: 'result', result: { ...result, streams }, exitCode: 3 })
      return output.writes.join('').trimEnd().split('\n').at(-1) ?? ''
    }
    const [rejecting, failing] = result.streams
    expect(endOf(rejecting === undefined ? [] : [rejecting])).toMatch(
      /1 of 1 stream complete, .*, 1 rejected, .*\. Not every record was loaded: see the warnings\.$/,
    )
    expect(endOf(failing === undefined ? [] : [failing])).toContain(
      '. Correct what the errors name, then run the same command again: ',
    )
    const error = failing?.error && { ...failing.error, code: 'source_unreachable' as const }
    expect(
      endOf(failing === undefined || error === undefined ? [] : [{ ...failing, error }]),
    ).toContain('. Run the same command again: ')
  })

  test.each(['stopped', 'failed', 'partial'] as const)(
    'says of a %s run that only incremental streams and appends go on from a checkpoint',
    (status) => {
      const output = new Recording()
      output.isTTY = false
      const human = new HumanOutput(new Screen(output), plainPaint)
      human.end({ kind: 'result', result: { ...result, status }, exitCode: 3 })
      expect(output.writes.join('')).toContain(
        'incremental streams and appends continue from their last checkpoint, other streams start over',
      )
    },
  )

  test.each([
    { code: 'destination_topic_missing', details: { topic: 'c', holds: 'checkpoints' } },
    { code: 'destination_checkpoints_replaced', details: { topic: 'c' } },
  ] as const)('promises no checkpoint to streams that failed with $code', ({ code, details }) => {
    const output = new Recording()
    output.isTTY = false
    const human = new HumanOutput(new Screen(output), plainPaint)
    const error = new ConnectError(code, { details }).toJSON()
    const streams = result.streams.map((stream) => ({ ...stream, error }))
    human.end({ kind: 'result', result: { ...result, streams }, exitCode: 1 })
    const last = output.writes.join('').trimEnd().split('\n').at(-1)
    expect(last).toContain('a stream whose checkpoints are gone is read from the beginning')
    expect(last).not.toContain('continue from their last checkpoint')
  })

  test('tells what earlier starts of the run did, and counts what they rejected', () => {
    const output = new Recording()
    output.isTTY = false
    const human = new HumanOutput(new Screen(output), plainPaint)
    const [first] = result.streams
    if (first === undefined) throw new TypeError('no stream')
    const before = { loaded: 500, rejected: 3, nulled: 2, cut: 0 }
    const streams = [{ ...first, before }]
    human.end({ kind: 'result', result: { ...result, streams }, exitCode: 3 })
    const [line, , summary] = output.writes.join('').split('\n')
    expect(line).toMatch(
      /, 1 rejected, .*resumed, earlier starts: 500 loaded, 3 rejected, 2 nulled$/,
    )
    expect(summary).toMatch(
      /: 1 of 1 stream complete, 9,999 rows loaded, 4 rejected \(3 in an earlier start\), 2 values became NULL \(2 in an earlier start\), in 4\.0 s\./,
    )
  })

  test('counts in its last line the values of all streams that became NULL or were shortened', () => {
    const output = new Recording()
    output.isTTY = false
    const human = new HumanOutput(new Screen(output), plainPaint)
    const [first, second] = result.streams
    if (first === undefined || second === undefined) throw new TypeError('no streams')
    const streams = [
      { ...first, nulled: 1_200, cut: 1, rejected: 0 },
      { ...second, nulled: 34, before: { loaded: 0, rejected: 0, nulled: 0, cut: 0 } },
    ]
    human.end({ kind: 'result', result: { ...result, streams }, exitCode: 3 })
    expect(output.writes.join('').trimEnd().split('\n').at(-1)).toMatch(
      /^run partial: 1 of 2 streams complete, 9,999 rows loaded, 1,234 values became NULL, 1 value shortened, in 4\.0 s\./,
    )
  })

  test('ends with a line for each stream, its warnings and error with the fix, and a summary', () => {
    const output = new Recording()
    output.isTTY = false
    const human = new HumanOutput(new Screen(output), plainPaint)
    human.progress(progressAt(0, streamAt(0)))
    human.progress(progressAt(2, streamAt(10_000, { status: 'complete' })))
    human.end({ kind: 'result', result, exitCode: 3 })
    expect(output.writes.join('').split('\n')).toEqual([
      'complete  public.customers  10,000 read, 9,999 loaded, 1 rejected, 2.0 s, 5,000 rows/s, resumed',
      '  warning: the log was empty',
      'failed    b                 0 read, 0 loaded, 0 rejected',
      '  error: it broke [unexpected]',
      '    fix:  Mend it.',
      '    docs: docs/errors/unexpected.md',
      expect.stringMatching(
        /^run partial: 1 of 2 streams complete, 9,999 rows loaded, 1 rejected, in 4\.0 s\./,
      ),
      '',
    ])
  })

  test('what a source calls things moves no cursor, sets no title and adds no line', () => {
    const hostile = 'a\u001B]0;mine\u0007\u001B[2J\nrun complete: \u009B1A\u202Eb'
    const output = new Recording()
    const human = new HumanOutput(new Screen(output), plainPaint)
    const stream = { name: hostile }
    human.note(hostile)
    human.progress(progressAt(0, streamAt(0, { stream }), streamAt(0)))
    human.progress(progressAt(1, streamAt(9, { stream, status: 'complete' }), streamAt(0)))
    const [first, second] = result.streams
    if (first === undefined || second?.error === undefined) throw new TypeError('no streams')
    const error = { ...second.error, message: hostile, suggested_fix: hostile }
    const streams = [
      { ...first, stream, warnings: [hostile] },
      { ...second, stream, error: { ...error, details: { more: [hostile] } } },
    ]
    human.end({ kind: 'result', result: { ...result, streams }, exitCode: 3 })
    const written = output.writes.join('')
    expect(written.split('a�]0;mine��[2J run complete: �1A�b').length - 1).toBeGreaterThan(8)
    for (const part of ['\u001B]', '\u0007', '\u001B[2J', '\u009B', '\u202E', '\nrun complete'])
      expect(written).not.toContain(part)
  })

  test('a log line of a run is one line without control characters', () => {
    const msg = 'the source says: \u001B[2J\nINFO all is well'
    const line = logLine(JSON.stringify({ level: 40, time: 0, msg, stream: 'a\u009B2Jb' }))
    expect(line).toBe('00:00:00.000 WARN the source says: �[2J INFO all is well stream=a�2Jb')
  })
})

describe('JSON output', () => {
  test('has what earlier starts of the run had committed', () => {
    const lines: string[] = []
    const human = new HumanOutput(new Screen(new Recording()), plainPaint)
    const json = new JsonOutput((line) => lines.push(line), human)
    const before = { loaded: 500, rejected: 3, nulled: 2, cut: 1 }
    const streams = result.streams.map((stream) => ({ ...stream, before }))
    json.progress(progressAt(0, streamAt(1, { before })))
    json.end({ kind: 'result', result: { ...result, streams }, exitCode: 3 })
    const events = lines.map((line): unknown => JSON.parse(line))
    expect(events).toMatchObject([{ streams: [{ before }] }, { streams: [{ before }, { before }] }])
  })

  test('has a result, also of a stopped run that does not come to rest: how far it came', () => {
    const lines: string[] = []
    const screen = new Recording()
    const human = new HumanOutput(new Screen(screen), plainPaint)
    const output = new LastProgress(new JsonOutput((line) => lines.push(line), human))
    expect(output.endAsAbandoned()).toEqual({ kind: 'stopped', exitCode: 4 })
    const done = streamAt(50, { stream: { name: 'done' }, status: 'complete' })
    output.progress(progressAt(2, streamAt(1_000), done))
    output.end(output.endAsAbandoned())
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      type: 'result',
      exit_code: 4,
      status: 'stopped',
      seconds: 2,
      streams: [
        { name: 'customers', status: 'stopped', read: 1_000, loaded: 900 },
        { name: 'done', status: 'complete', read: 50 },
      ],
    })
  })

  test('writes progress at most once a second and the result last', () => {
    const lines: string[] = []
    const human = new HumanOutput(new Screen(new Recording()), plainPaint)
    const json = new JsonOutput((line) => lines.push(line), human)
    for (let position = 0; position <= 3; position += 0.25)
      json.progress(progressAt(position, streamAt(position * 1_000, { bottleneck: 'log' })))
    json.end({ kind: 'result', result, exitCode: 3 })
    const events = lines.map((line): unknown => JSON.parse(line))
    expect(events).toHaveLength(5)
    expect(events[1]).toEqual({
      type: 'progress',
      at: '1970-01-01T00:00:02.000Z',
      seconds: 1,
      streams: [
        {
          name: 'customers',
          namespace: 'public',
          status: 'running',
          read: 1_000,
          read_again: 0,
          read_bytes: 100_000,
          loaded: 900,
          rejected: 0,
          bottleneck: 'log',
        },
      ],
    })
    expect(events.at(-1)).toMatchObject({
      type: 'result',
      status: 'partial',
      exit_code: 3,
      seconds: 4,
      streams: [
        { name: 'customers', sync_id: 1, generation_id: 1, resumed: true },
        { name: 'b', error: { code: 'unexpected', suggested_fix: 'Mend it.' } },
      ],
    })
  })
})
