import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { treeMemoryBytes } from './process-memory.ts'

/**
 * Starts the connector in a process group of its own, and ends the group if this process or this thread dies
 * (`kill -9` too): standard input is then closed, and the subshell that waits for it removes the files with
 * the secrets and kills the group. SIGTERM reaches the connector, and not the shells.
 */
const supervisor = `
folder=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
connector=$!
trap '' TERM INT HUP
( read -r _; rm -rf -- "$folder"; kill -s KILL 0 ) <&3 >/dev/null 2>&1 &
watch=$!
exec 3<&- >/dev/null
wait "$connector"; code=$?
kill -s KILL "$watch"
wait "$watch" 2>/dev/null
exit "$code"
`

const memoryCheckMs = 1_000
/** How long a connector may take to end after SIGTERM. */
const graceMs = 5_000
/** Lines of standard error that an error may quote, and the characters of each. */
const quotedLines = 5
const maxLineCharacters = 8_000

/** Why a process ended. */
export type ProcessEnd =
  | { readonly kind: 'exit'; readonly code: number }
  /** Something else killed it: the number of the signal. */
  | { readonly kind: 'signal'; readonly signal: number }
  | { readonly kind: 'memory' | 'silence' | 'time' }
  | { readonly kind: 'stopped' }

export interface ProcessOptions {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Working directory, home and place of temporary files. */
  readonly folder: string
  readonly maxMemoryBytes: number
  readonly maxSilenceMs: number
  /** Limit for the whole call; absent: none. */
  readonly maxTimeMs?: number
  /** Called with each line of standard error. */
  readonly onErrorLine: (line: string) => void
}

/** A program with its process group. On disposal nothing of the group is left. */
export class SupervisedProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #options: ProcessOptions
  readonly #lastLines: string[] = []
  readonly #timers: NodeJS.Timeout[] = []
  readonly #ended: Promise<ProcessEnd>
  #reason: ProcessEnd | undefined
  #isOver = false

  constructor(options: ProcessOptions) {
    this.#options = options
    const { command, environment, folder } = options
    this.#child = spawn('/bin/sh', ['-c', supervisor, 'reactor-connect', folder, ...command], {
      cwd: folder,
      env: { ...environment, HOME: folder, TMPDIR: folder },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdin.on('error', () => undefined) // a process that has ended does not read it
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('exit', (code, signal) => {
        for (const timer of this.#timers) clearTimeout(timer)
        // Processes that the connector left behind would hold its output open.
        this.#signal('SIGKILL')
        this.#isOver = true
        resolve(this.#reason ?? endOf(code, signal))
      })
    })
    this.#ended.catch(() => undefined) // reported by `ended`
    this.#readErrors()
    this.#watch()
  }

  /** Resolves when the process has ended. Its output may still have to be read. */
  get ended(): Promise<ProcessEnd> {
    return this.#ended
  }

  /** The last lines of standard error. */
  get lastLines(): readonly string[] {
    return this.#lastLines
  }

  /**
   * The bytes of standard output. A caller that does not take the next ones stops the process at its pipe;
   * this is not silence.
   */
  async *output(): AsyncGenerator<Uint8Array> {
    const chunks = this.#child.stdout[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, void>
    for (;;) {
      const silence = setTimeout(() => {
        this.#endFor({ kind: 'silence' })
      }, this.#options.maxSilenceMs)
      try {
        const next = await chunks.next()
        if (next.done === true) return
        yield next.value
      } finally {
        clearTimeout(silence)
      }
    }
  }

  /** Asks the connector to end, and kills it if it does not. */
  stop(): void {
    if (this.#reason !== undefined || this.#isOver) return
    this.#reason = { kind: 'stopped' }
    this.#signal('SIGTERM')
    this.#timers.push(
      setTimeout(() => {
        this.#signal('SIGKILL')
      }, graceMs),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#endFor({ kind: 'stopped' })
    this.#child.stdout.destroy()
    await this.#ended.catch(() => undefined) // it was never started
    this.#child.stdin.destroy()
    this.#child.stderr.destroy()
  }

  #endFor(reason: ProcessEnd): void {
    this.#reason ??= reason
    this.#signal('SIGKILL')
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child
    // The number of a group that has ended may belong to another one.
    if (pid === undefined || this.#isOver) return
    try {
      process.kill(-pid, signal)
    } catch (error) {
      // Nothing of the group is left.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }

  #watch(): void {
    const { maxMemoryBytes, maxTimeMs } = this.#options
    const memory = setInterval(() => {
      const { pid, exitCode } = this.#child
      if (pid === undefined || exitCode !== null) return
      if ((treeMemoryBytes(pid) ?? 0) > maxMemoryBytes) this.#endFor({ kind: 'memory' })
    }, memoryCheckMs)
    this.#timers.push(memory)
    if (maxTimeMs === undefined) return
    const time = setTimeout(() => {
      this.#endFor({ kind: 'time' })
    }, maxTimeMs)
    this.#timers.push(time)
  }

  #readErrors(): void {
    let rest = ''
    const line = (text: string): void => {
      if (text.trim() === '') return
      this.#lastLines.push(text)
      if (this.#lastLines.length > quotedLines) this.#lastLines.shift()
      this.#options.onErrorLine(text)
    }
    this.#child.stderr.setEncoding('utf8')
    this.#child.stderr.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = (lines.pop() ?? '').slice(0, maxLineCharacters)
      for (const item of lines) line(item.slice(0, maxLineCharacters))
    })
    this.#child.stderr.once('end', () => {
      line(rest)
    })
  }
}

/** A shell ends with 128 and the signal if the program was killed. */
function endOf(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
  if (code === null) return { kind: 'signal', signal: signal === 'SIGKILL' ? 9 : 15 }
  return code > 128 ? { kind: 'signal', signal: code - 128 } : { kind: 'exit', code }
}
