import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { pythonEnvironment } from '../../bench/peers/python-environment.ts'
import { endWithThisProcess } from '../../service/platform/postgres/end-with-this-process.ts'
import { javaCommand } from '../kafka/java-and-jars.ts'
import { copyJars, stampOf } from '../kafka/maven-jars.ts'

/** A program that rebuilds tables from topics, with the commands of docs/examples/rebuild_table.py. */
export interface ConsumerProgram {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /**
   * Whether it stores all versions of a row. Otherwise it stores only the newest, and must begin again when
   * the destination was restored.
   */
  readonly keepsVersions: boolean
}

/** A process that reads until it is killed. */
export interface ConsumerProcess {
  readonly hasEnded: boolean
  /** Returns the text that it wrote to its outputs. */
  words(): string
  kill9(): Promise<void>
  /** SIGSTOP, and SIGCONT later: as a machine that hangs. */
  pause(ms: number): Promise<void>
}

const root = join(import.meta.dirname, '../..')
const buildFolder = join(root, '.build')
const pythonPackages = ['confluent-kafka==2.16.1', 'fastavro==1.13.1']

/** The consumer of docs/examples, with its packages from PyPI the first time. */
export async function pythonConsumer(): Promise<ConsumerProgram> {
  const { python } = await pythonEnvironment(buildFolder, 'topic-consumer', pythonPackages)
  return {
    name: 'python',
    keepsVersions: true,
    command: python,
    args: [join(root, 'docs/examples/rebuild_table.py')],
  }
}

/** The consumer beside this file, with its jars from Maven Central the first time. */
export async function javaConsumer(): Promise<ConsumerProgram> {
  const folder = join(import.meta.dirname, 'java')
  const pom = join(folder, 'pom.xml')
  const jars = join(root, 'test/kafka/lib', `topic-consumer-${stampOf(pom)}`)
  await copyJars(pom, jars)
  const classes = await compiled(folder, join(jars, '*'))
  return {
    name: 'java',
    keepsVersions: false,
    command: javaCommand(),
    args: [
      ...['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx384m'],
      ...['-cp', `${classes}:${join(jars, '*')}`, 'RebuildTable'],
    ],
  }
}

/** The folder's name is the stamp of the sources. */
async function compiled(folder: string, classpath: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.java')).toSorted()
  const sources = files.map((name) => join(folder, name))
  const classes = join(buildFolder, `topic-consumer-${sources.map(stampOf).join('').slice(0, 96)}`)
  if (existsSync(classes)) return classes
  const draft = `${classes}.${process.pid}`
  await mkdir(draft, { recursive: true })
  const javac = javaCommand().replace(/java$/, 'javac')
  const compiler = spawn(javac, ['-d', draft, '-cp', classpath, ...sources], { stdio: 'inherit' })
  await once(compiler, 'close')
  if (compiler.exitCode !== 0) throw new Error(`javac ended with ${String(compiler.exitCode)}`)
  await rm(classes, { recursive: true, force: true })
  await rename(draft, classes)
  return classes
}

export interface ReaderOptions {
  readonly brokers: readonly string[]
  readonly store: string
  readonly group: string
  readonly topics: readonly string[]
}

/** A member of the group, until it is killed. */
export function startReader(
  program: ConsumerProgram,
  { brokers, store, group, topics }: ReaderOptions,
): ConsumerProcess {
  const options = ['--brokers', brokers.join(','), '--store', store, '--group', group]
  const child = spawn(program.command, [...program.args, 'read', ...options, ...topics], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  endWithThisProcess(child, 'KILL')
  const closed = once(child, 'close')
  let words = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      words += chunk
    })
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    get hasEnded() {
      return hasEnded()
    },
    words: () => words,
    kill9: async () => {
      if (!hasEnded()) child.kill('SIGKILL')
      await closed
    },
    pause: async (ms) => {
      child.kill('SIGSTOP')
      await delay(ms)
      child.kill('SIGCONT')
    },
  }
}

/** Reads the topics to their ends. */
export async function readToEnd(
  program: ConsumerProgram,
  { brokers, store, group, topics }: ReaderOptions,
): Promise<void> {
  const options = ['--brokers', brokers.join(','), '--store', store, '--group', group]
  const args = [...program.args, 'read', '--until-end', ...options, ...topics]
  const child = spawn(program.command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err] = await outputOf(child)
  if (child.exitCode !== 0)
    throw new Error(`${program.name} did not read to the end: ${(out + err).slice(-2_000)}`)
}

/** The rows that the program made of the topic, as it prints them. */
export async function tableOf(
  program: ConsumerProgram,
  store: string,
  topic: string,
): Promise<readonly string[]> {
  const args = [...program.args, 'table', '--store', store, topic]
  const child = spawn(program.command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err] = await outputOf(child)
  if (child.exitCode !== 0)
    throw new Error(`${program.name} gave no table of ${topic}: ${err.slice(-2_000)}`)
  return out.split('\n').filter((line) => line !== '')
}

export interface Seed {
  readonly brokers: readonly string[]
  readonly store: string
  readonly topic: string
  /** As the key of the stream in connect.states. */
  readonly stream: readonly (string | null)[]
  readonly positions: Readonly<Record<string, number>>
  /** The sync that is complete in the table, if it is. */
  readonly whole: number | undefined
  readonly rows: readonly string[]
}

/** Begins a copy with the rows of the destination's table. */
export async function seedCopy(program: ConsumerProgram, seed: Seed): Promise<void> {
  const child = spawn(
    program.command,
    [
      ...[...program.args, 'seed', '--brokers', seed.brokers.join(','), '--store', seed.store],
      ...['--positions', JSON.stringify(seed.positions)],
      ...(seed.whole === undefined ? [] : ['--whole', String(seed.whole)]),
      ...[seed.topic, JSON.stringify(seed.stream)],
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  child.stdin.end(seed.rows.map((row) => `${row}\n`).join(''))
  const [, err] = await outputOf(child)
  if (child.exitCode !== 0)
    throw new Error(`${program.name} took no seed of ${seed.topic}: ${err.slice(-2_000)}`)
}

async function outputOf(child: ChildProcess): Promise<readonly [string, string]> {
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('the program has no outputs')
  const [out, err] = await Promise.all([text(stdout), text(stderr), once(child, 'close')])
  return [out, err]
}

/** The offset from which each partition is read on, as the copy holds it. */
export function positionsOf(store: string, topic: string): ReadonlyMap<number, number> {
  const file = join(store, `${topic}.db`)
  if (!existsSync(file)) return new Map()
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const rows = database.prepare('SELECT partition, next FROM positions').all()
    return new Map(rows.map(({ partition, next }) => [Number(partition), Number(next)]))
  } finally {
    database.close()
  }
}
