import { spawn } from 'node:child_process'
import { z } from 'zod'
import type { BenchServer } from '../bench-server.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

/** A program that is compared: one way to move the table. */
export interface Program {
  readonly name: string
  readonly note: string
  /** The rows that it moves. */
  readonly rows: number
  /** Loads the whole table into a table that does not exist, start-up included. */
  once(): Promise<Measured>
}

const measured = z.object({
  seconds: z.number(),
  cpuSeconds: z.number().optional(),
  peakRssMb: z.number().optional(),
})
export type Measured = z.infer<typeof measured>

export interface Command {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

const measureScript = new URL('measure.py', import.meta.url).pathname

export async function measure({ argv, environment }: Command, workDir: string): Promise<Measured> {
  const child = spawn('python3', [measureScript, ...argv], {
    cwd: workDir,
    env: { PATH: process.env.PATH ?? '', HOME: workDir, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8')
  if (code !== 0)
    throw new Error(`${argv.join(' ')} exited with ${String(code)}:\n${text(errors).slice(-4_000)}`)
  return measured.parse(JSON.parse(text(output)))
}

export async function inWorkDir<T>(work: (workDir: string) => Promise<T>): Promise<T> {
  await using folder = await temporaryFolder('bench-peer')
  return await work(folder.path)
}

/** A program that is fast because it loses rows has no figure. */
export async function requireRows(
  bench: BenchServer,
  { table, rows }: { readonly table: string; readonly rows: number },
): Promise<void> {
  const loaded = await bench.value(`SELECT count(DISTINCT id) FROM ${table}`)
  if (loaded !== String(rows)) throw new Error(`${table} has ${loaded} rows`)
}
