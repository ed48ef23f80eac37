import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ObjectStorage } from '../../storage/object-storage.ts'
import { startVersityGateway } from '../../test/fakes/s3/versity-gateway.ts'
import { objectsOf } from '../../test/sinks/s3/s3-objects.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { startBenchServer } from '../bench-server.ts'
import { buildProgram } from '../built-program.ts'
import { sling } from '../peers/sling.ts'
import type { Measured } from '../peers/program.ts'
import { pythonEnvironment } from '../peers/python-environment.ts'
import { benchTable, createSourceTable } from '../replicate/source-table.ts'
import { median } from '../statistics.ts'
import {
  connectProgram,
  duckdbProgram,
  type S3Bench,
  s3Formats,
  type S3Program,
  slingProgram,
} from './s3-programs.ts'

export interface S3Options {
  readonly rows: number
  readonly rounds: number
  /** Where the peers are installed. */
  readonly cacheDir: string
}

interface ProgramFigures extends Pick<S3Program, 'name' | 'direction' | 'format' | 'note'> {
  readonly rows_per_second: number
  readonly cpu_seconds: number
  readonly peak_rss_mb: number
}

/** Ratios of rows per second: the medians of the rounds, and the lower one of the two formats. */
export interface S3Figures {
  readonly rows: number
  readonly rounds: number
  readonly write_vs_sling: number
  readonly write_vs_duckdb: number
  readonly read_vs_sling: number
  readonly read_vs_duckdb: number
  readonly programs: readonly ProgramFigures[]
}

interface Counted {
  readonly program: S3Program
  readonly rounds: readonly Measured[]
}

/** The table into and out of a bucket by all programs, one after the other in each round. */
export async function benchS3(
  options: S3Options,
  print: (line: string) => void,
): Promise<S3Figures> {
  await buildProgram()
  print('Sling, DuckDB: installing, where they are not yet')
  const { cacheDir, rows } = options
  const peers = {
    sling: await pythonEnvironment(cacheDir, 'sling', sling.packages),
    duckdb: await pythonEnvironment(cacheDir, 'duckdb', ['duckdb==2.0.1']),
  }
  await using bench = await startBenchServer()
  await using gateway = await startVersityGateway()
  await using folder = await temporaryFolder('bench-s3')
  // PostgreSQL writes into it as another user.
  await chmod(folder.path, 0o777)
  const csv = join(folder.path, 'orders.csv')
  await bench.source(
    ...createSourceTable(rows),
    'CHECKPOINT',
    `COPY ${benchTable} TO '${csv}' WITH (FORMAT csv, HEADER)`,
  )
  const storage = gateway.config
  await new ObjectStorage(storage).put('bench', Buffer.from('x')) // it makes the bucket
  const folderOf = (format: string): string => join(folder.path, format)
  const context: S3Bench = { bench, storage, ...peers, csv, folderOf }
  await makeFiles(context)
  const programs = (['write', 'read'] as const).flatMap((direction) =>
    s3Formats.flatMap((format) =>
      [connectProgram, slingProgram, duckdbProgram].map((make) =>
        make(context, { direction, format }),
      ),
    ),
  )
  return figuresOf(options, await runRounds(programs, options, print))
}

/** The files that are read: those that a run of ours has written. */
async function makeFiles(context: S3Bench): Promise<void> {
  const { storage, folderOf } = context
  for (const format of s3Formats) {
    await connectProgram(context, { direction: 'write', format }).once(`made-${format}`)
    const storageOf = new ObjectStorage(storage)
    for (const [name, bytes] of await objectsOf(storage, `made-${format}/public.${benchTable}/0`)) {
      const path = join(folderOf(format), `0${name}`)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, bytes)
      await storageOf.put(`read/${format}/0${name}`, bytes)
    }
  }
}

/** A program that fails in the warm-up, which is not counted, is left out. */
async function runRounds(
  programs: readonly S3Program[],
  { rows, rounds: count }: S3Options,
  print: (line: string) => void,
): Promise<readonly Counted[]> {
  const counted = new Map<S3Program, Measured[]>()
  const measureOnce = async (program: S3Program, round: number): Promise<Measured> => {
    const { name, direction, format } = program
    const key = `${name.slice(0, 1).toLowerCase()}_${direction}_${format}_${String(round)}`
    const result = await program.once(key)
    const rate = Math.round(rows / result.seconds).toLocaleString('en')
    print(
      `${round === 0 ? 'warm-up' : `round ${String(round)}`}: ${name}, ${direction} ${format}: ${rate}/s`,
    )
    return result
  }
  for (const program of programs) {
    try {
      await measureOnce(program, 0)
      counted.set(program, [])
    } catch (error) {
      if (program.name === 'Reactor Connect') throw error
      print(
        `${program.name}, ${program.direction} ${program.format} is left out: ${String(error).slice(-600)}`,
      )
    }
  }
  for (let round = 1; round <= count; round++)
    for (const [program, rounds] of counted) rounds.push(await measureOnce(program, round))
  return [...counted].map(([program, rounds]) => ({ program, rounds }))
}

function figuresOf({ rows, rounds }: S3Options, counted: readonly Counted[]): S3Figures {
  const secondsOf = (
    name: S3Program['name'],
    { direction, format }: Pick<S3Program, 'direction' | 'format'>,
  ): readonly number[] =>
    counted
      .find(
        ({ program }) =>
          program.name === name && program.direction === direction && program.format === format,
      )
      ?.rounds.map(({ seconds }) => seconds) ?? []
  /** NaN if no format was measured. */
  const ratio = (direction: S3Program['direction'], name: S3Program['name']): number => {
    const ratios = s3Formats.map((format) => {
      const ours = secondsOf('Reactor Connect', { direction, format })
      return median(
        secondsOf(name, { direction, format }).map(
          (theirs, index) => theirs / (ours[index] ?? NaN),
        ),
      )
    })
    return Math.min(...ratios.filter((value) => !Number.isNaN(value)))
  }
  return {
    rows,
    rounds,
    write_vs_sling: ratio('write', 'Sling'),
    write_vs_duckdb: ratio('write', 'DuckDB'),
    read_vs_sling: ratio('read', 'Sling'),
    read_vs_duckdb: ratio('read', 'DuckDB'),
    programs: counted.map(({ program, rounds: results }) => ({
      name: program.name,
      direction: program.direction,
      format: program.format,
      note: program.note,
      rows_per_second: Math.round(median(results.map(({ seconds }) => rows / seconds))),
      cpu_seconds: median(results.map(({ cpuSeconds = NaN }) => cpuSeconds)),
      peak_rss_mb: Math.round(median(results.map(({ peakRssMb = NaN }) => peakRssMb))),
    })),
  }
}

export function s3Table(figures: S3Figures): string {
  const lines = figures.programs.map(
    ({
      direction,
      format,
      name,
      rows_per_second: rate,
      cpu_seconds: cpu,
      peak_rss_mb: peak,
      note,
    }) =>
      `| ${direction} ${format} | ${name} | ${rate.toLocaleString('en')} | ${cpu.toFixed(1)} | ${String(peak)} | ${note} |`,
  )
  const ratioText = (ratio: number): string =>
    Number.isFinite(ratio) ? ratio.toFixed(2) : 'not measured'
  return [
    `${figures.rows.toLocaleString('en')} rows of 12 columns, from PostgreSQL into a bucket (gzip JSON lines, zstd Parquet) and from there into PostgreSQL, start-up included; medians of ${String(figures.rounds)} interleaved rounds. DuckDB reads and writes files of this machine.`,
    '',
    '| work | program | rows/s | CPU s | peak RSS MB | how |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
    `Lower one of both formats: write / Sling ${ratioText(figures.write_vs_sling)}, write / DuckDB ${ratioText(figures.write_vs_duckdb)}, read / Sling ${ratioText(figures.read_vs_sling)}, read / DuckDB ${ratioText(figures.read_vs_duckdb)}`,
    '',
  ].join('\n')
}
