import { EventEmitter, once } from 'node:events'
import { stat } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runProgram } from '../../cli/program.ts'
import type { RunArguments } from '../../cli/run/run-program.ts'
import { commandFailure } from '../../cli/output/command-failure.ts'
import { createLogger } from '../../cli/run/log-lines.ts'
import { MetricsServer } from '../../cli/run/metrics-server.ts'
import { runServe } from '../../cli/serve/serve-command.ts'
import { StopSignals } from '../../cli/run/stop-signals.ts'
import { ConnectError } from '../../protocol/index.ts'
import { newFolder } from '../support/new-folder.ts'

async function command(
  ...argv: readonly string[]
): Promise<{ written: string; ran: RunArguments[]; error?: ConnectError }> {
  const ran: RunArguments[] = []
  let written = ''
  const options = {
    version: '1.2.3',
    reset: () => Promise.resolve(),
    pair: () => Promise.resolve(),
    compare: () => Promise.resolve(),
    source: () => Promise.resolve(),
    destination: () => Promise.resolve(),
    catalog: () => Promise.resolve(),
    serve: () => Promise.resolve(),
    askService: () => Promise.resolve(),
    demo: () => Promise.resolve(),
    doctor: () => Promise.resolve(),
    topics: () => Promise.resolve(),
    logout: () => Promise.resolve(),
    rotateKey: () => Promise.resolve(),
    run: async (given: RunArguments) => Promise.resolve(void ran.push(given)),
    writeOut: (text: string) => {
      written += text
    },
  }
  try {
    await runProgram(argv, options)
    return { written, ran }
  } catch (error) {
    return { written, ran, error: ConnectError.from(error) }
  }
}

describe('the command line', () => {
  test('gives the command its file and options', async () => {
    const argv =
      'connect run a.yaml --json --log kafka --log-level debug --metrics-port 9464'.split(' ')
    expect((await command(...argv)).ran).toEqual([
      {
        file: 'a.yaml',
        json: true,
        log: 'kafka',
        logLevel: 'debug',
        metricsPort: 9464,
      },
    ])
    expect((await command('connect', 'run', 'a.yaml')).ran).toEqual([
      {
        file: 'a.yaml',
        json: false,
        log: undefined,
        logLevel: 'info',
        metricsPort: undefined,
      },
    ])
  })

  test.each([
    [['conect'], "Unknown command 'conect'", 'Did you mean connect?'],
    [['connect', 'rn'], "Unknown command 'rn'", 'Did you mean run?'],
    [['connect', 'run'], "Missing required argument 'FILE'", 'reactor connect run --help'],
    [['connect', 'run', 'a.yaml', '--jsn'], "Unknown option '--jsn'", 'Did you mean --json?'],
    [
      ['connect', 'run', 'a.yaml', '--log', 'kafak'],
      "argument 'kafak' is invalid",
      'reactor connect run --help',
    ],
    [
      ['connect', 'run', 'a.yaml', '--metrics-port', '70000'],
      '0 to 65535',
      'reactor connect run --help',
    ],
    [['connect', 'reset', 'a.yaml', '--streams', ''], 'names no stream', 'leave the option out'],
    [['connect', 'run', 'a.yaml', 'b.yaml'], 'Too many arguments', 'reactor connect run --help'],
    [
      ['connect'],
      '`reactor connect` needs a command',
      'Run one of its commands (run, reset, compare',
    ],
    [['auth'], '`reactor auth` needs a command', 'Run one of its commands (login'],
  ])('%j is refused with a fix', async (argv, problem, fix) => {
    const { error, ran } = await command(...argv)
    expect(ran).toEqual([])
    expect(error?.code).toBe('usage')
    expect(error?.message).toContain(problem)
    expect(error?.suggestedFix).toContain(fix)
    expect(commandFailure(error)).toMatchObject({ exitCode: 2 })
  })

  test('alone prints its help, and no error', async () => {
    const { written, error } = await command()
    expect(error).toBeUndefined()
    expect(written).toContain('Start with: reactor connect --help')
  })

  test('shows its version, and help with examples and exit codes', async () => {
    expect(await command('--version')).toEqual({ written: '1.2.3\n', ran: [] })
    const { written, error } = await command('connect', 'run', '--help')
    expect(error).toBeUndefined()
    expect(written).toContain('$ reactor connect run shop.yaml --json')
    expect(written).toContain('3 partial')
  })
})

class Signals extends EventEmitter {
  readonly exits: number[] = []
  exit(code: number): void {
    this.exits.push(code)
  }
}

describe('stop signals', () => {
  test('the first stops the run and says so once, the second ends the process', () => {
    const source = new Signals()
    let said = 0
    const stop = new StopSignals(source, () => said++)
    expect(stop.signal.aborted).toBe(false)
    source.emit('SIGTERM')
    expect(stop.signal.aborted).toBe(true)
    expect(source.exits).toEqual([])
    source.emit('SIGINT')
    expect(source.exits).toEqual([130])
    expect(said).toBe(1)
  })

  test('one Ctrl-C that comes from the terminal and from npm counts once', () => {
    const source = new Signals()
    let nowMs = 1_000
    using stop = new StopSignals(source, () => undefined, { now: () => nowMs })
    source.emit('SIGINT')
    nowMs += 2
    source.emit('SIGINT')
    expect(stop.signal.aborted).toBe(true)
    expect(source.exits).toEqual([])
    nowMs += 500
    source.emit('SIGINT')
    expect(source.exits).toEqual([130])
  })

  test('a terminal that is closed stops the run too', () => {
    const source = new Signals()
    using stop = new StopSignals(source, () => undefined)
    source.emit('SIGHUP')
    expect(stop.signal.aborted).toBe(true)
    expect(source.exits).toEqual([])
  })

  test('nothing is listened to after the run', () => {
    const source = new Signals()
    {
      using stop = new StopSignals(source, () => undefined)
      stop.stop()
    }
    expect(source.eventNames()).toEqual([])
  })
})

describe('log lines', () => {
  test('are one line of text with the facts as fields, without credentials', () => {
    const lines: string[] = []
    const logger = createLogger({ level: 'info', writeLine: (text) => lines.push(text) }).child({
      connection: 'shop',
    })
    logger.debug('too fine')
    logger.warn({ stream: 'public.a', attempt: 2, config: { password: 'hunter2' } }, 'trying again')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN trying again connection=shop stream=public\.a attempt=2 config=\{"password":"\*\*\*"\}$/,
    )
  })
})

describe('serve', () => {
  test('finds that its port is taken before it does anything, and names a misspelt variable', async () => {
    await using taken = await MetricsServer.listen(0)
    const { host } = new URL(taken.url)
    const folder = join(await newFolder('serve-port'), 'data')
    const lines: unknown[] = []
    const serving = runServe(
      { config: undefined, migrateOnly: false, flags: { bind: host, data_dir: folder } },
      {
        environment: { HOME: folder, REACTOR_CONNECT_PARALELL_RUNS: '2' },
        version: '1.2.3',
        signal: new AbortController().signal,
        writeOut: (text) => lines.push(text),
        writeLog: (line) => lines.push(JSON.parse(line)),
        now: Date.now,
      },
    )
    await expect(serving).rejects.toMatchObject({
      code: 'bind_failed',
      details: { reason: 'EADDRINUSE' },
    })
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(lines).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
        variable: 'REACTOR_CONNECT_PARALELL_RUNS',
        did_you_mean: 'REACTOR_CONNECT_PARALLEL_RUNS',
        msg: 'a variable of the environment is not a setting: it has no effect',
      },
    ])
  })
})

describe('the metrics server', () => {
  test('serves the metrics of the run on loopback until it is disposed of', async () => {
    let url: string
    {
      await using server = await MetricsServer.listen(0)
      url = server.url
      server.metrics.loadedRecords.inc({ connection: 'shop', stream: 'a' }, 3)
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
      const response = await fetch(url)
      expect(response.headers.get('content-type')).toContain('text/plain')
      const text = await response.text()
      expect(text).toContain('reactor_connect_sink_records_total{connection="shop",stream="a"} 3\n')
      expect(text).toContain('process_cpu_seconds_total')
      expect((await fetch(new URL('/', url))).status).toBe(404)
    }
    await expect(fetch(url)).rejects.toThrow()
  })

  test('responds to the names of this machine only', async () => {
    await using server = await MetricsServer.listen(0)
    const statusFor = async (host: string): Promise<number | undefined> => {
      const [response] = (await once(get(server.url, { headers: { host } }), 'response')) as [
        IncomingMessage,
      ]
      response.resume()
      return response.statusCode
    }
    for (const host of ['localhost', '127.0.0.1:9464', '[::1]:9464'])
      expect(await statusFor(host), host).toBe(200)
    for (const host of ['evil.example', 'localhost.evil.example:9464', '10.0.0.1'])
      expect(await statusFor(host), host).toBe(403)
  })

  test('says so when the port is taken', async () => {
    await using server = await MetricsServer.listen(0)
    const port = Number(new URL(server.url).port)
    await expect(MetricsServer.listen(port)).rejects.toMatchObject({
      code: 'metrics_port_unavailable',
      details: { port, reason: 'EADDRINUSE' },
    })
  })
})
