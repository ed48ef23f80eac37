import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { buildAlike, buildProgram, builtProgram } from '../built-program.ts'
import { loopbackAllowed } from '../measured-process.ts'
import { median } from '../statistics.ts'
import { largeBodyManifest, startApi, writeFiles } from './read-source.ts'
import { manyStreams } from './many-streams.ts'

export interface StartupOptions {
  readonly rounds: number
}

/** Medians in milliseconds. */
export interface StartupFigures {
  readonly rounds: number
  /** The time of Node itself, with an empty program. */
  readonly nodeMs: number
  /** Whole processes, with a small manifest and an API on loopback. */
  readonly specMs: number
  readonly checkMs: number
  readonly discoverMs: number
  /** 100 streams from YAML to what can be read, in a process that compiles nothing else. */
  readonly compileMs: number
  readonly yamlBytes: number
}

const run = promisify(execFile)
const compiled = z.object({ ms: z.number(), streams: z.number() })

/**
 * How long a source takes until it responds, as whole processes of the built program: after a first one that
 * fills the compile cache.
 */
export async function benchStartup({ rounds }: StartupOptions): Promise<StartupFigures> {
  await buildProgram()
  const compiler = await buildAlike('bench/manifest/compile-once.ts')
  await using api = await startApi('api-server.ts', [100, 100, 300])
  await using files = await writeFiles(api.url)
  const yaml = manyStreams(100)
  const large = join(files.directory, 'many-streams.yaml')
  await writeFile(large, yaml)
  const source = (command: string) => {
    const argv = ['connect', 'source', command, '--manifest', largeBodyManifest]
    return timed([builtProgram, ...argv, '--config', files.config])
  }
  const runs = {
    nodeMs: () => timed(['-e', '0']),
    specMs: () => source('spec'),
    checkMs: () => source('check'),
    discoverMs: () => source('discover'),
    compileMs: () => compileOnce(compiler, large),
  }
  const medians = { nodeMs: 0, specMs: 0, checkMs: 0, discoverMs: 0, compileMs: 0 }
  for (const [name, once] of Object.entries(runs)) {
    await once()
    const times: number[] = []
    for (let round = 0; round < rounds; round++) times.push(await once())
    Object.assign(medians, { [name]: Math.round(median(times)) })
  }
  return { rounds, ...medians, yamlBytes: yaml.length }
}

async function timed(argv: readonly string[]): Promise<number> {
  const started = performance.now()
  await run(process.execPath, argv, { env: loopbackAllowed() })
  return performance.now() - started
}

async function compileOnce(program: string, file: string): Promise<number> {
  const { stdout } = await run(process.execPath, [program, file])
  const { ms, streams } = compiled.parse(JSON.parse(stdout))
  if (streams !== 100) throw new Error(`${String(streams)} streams instead of 100`)
  return ms
}

export function startupTable(figures: StartupFigures): string {
  return [
    `Medians of ${String(figures.rounds)} processes, ms`,
    `node alone                       ${String(figures.nodeMs)}`,
    `source spec                      ${String(figures.specMs)}`,
    `source check                     ${String(figures.checkMs)}`,
    `source discover                  ${String(figures.discoverMs)}`,
    `100 streams compiled (${(figures.yamlBytes / 1000).toFixed(0)} kB)  ${String(figures.compileMs)}`,
    '',
  ].join('\n')
}
