import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { endWithThisProcess } from '../../service/platform/postgres/end-with-this-process.ts'
import { javaCommand } from './java-and-jars.ts'

export interface JavaProgram {
  readonly classpath: string
  /** A class, or a file of source text, which Java compiles when it runs it. */
  readonly main: string
  readonly args?: readonly string[]
  /** `-Xmx512m`, `-Dname=value`. */
  readonly flags?: readonly string[]
}

/** A program of Java that runs until it is disposed of. It ends with this process. */
export interface JavaProcess extends AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly hasEnded: boolean
  /** The end of what it has written, both outputs. */
  lastWords(): string
}

const wordsKept = 20_000
/** They start with half the CPU, and live too short to win it back. */
const quickStart = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

export function startJava({ classpath, main, args = [], flags = [] }: JavaProgram): JavaProcess {
  const child = spawn(javaCommand(), [...quickStart, ...flags, '-cp', classpath, main, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  endWithThisProcess(child, 'KILL')
  let words = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-wordsKept)
    })
  }
  const closed = once(child, 'close')
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    child,
    get hasEnded() {
      return hasEnded()
    },
    lastWords: () => words,
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded()) child.kill('SIGKILL')
      await closed
    },
  }
}

/** Runs a program to its end; resolves with its standard output. */
export async function runJava(program: JavaProgram): Promise<string> {
  await using java = startJava(program)
  const chunks: string[] = []
  java.child.stdout.on('data', (text: string) => chunks.push(text))
  java.child.stdin.end()
  await once(java.child, 'close')
  if (java.child.exitCode === 0) return chunks.join('')
  throw new Error(`${program.main} ended with ${java.child.exitCode}: ${java.lastWords()}`)
}
