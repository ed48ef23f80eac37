import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { AirbyteStream, JsonObject } from '../../protocol/index.ts'
import { generateClient } from '../../service/codegen/generate-client.ts'
import { readTemplate } from '../../service/codegen/template-text.ts'
import { median } from '../statistics.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

export interface CodegenOptions {
  readonly streams: number
  readonly fields: number
  readonly rounds: number
}

export interface CodegenFigures extends CodegenOptions {
  readonly lines: number
  readonly bytes: number
  readonly generateMs: number
  /** A `tsc` process with the client and its libraries, from nothing. */
  readonly compileSeconds: number
  /** The same with an empty file: the compiler's own share. */
  readonly emptySeconds: number
}

/** Medians of the rounds. */
export async function benchCodegen(options: CodegenOptions): Promise<CodegenFigures> {
  const { streams, fields, rounds } = options
  const template = await readTemplate()
  const catalog = {
    streams: Array.from({ length: streams }, (_, index) => streamOf(index, fields)),
  }
  const input = { instance: 'bench', type: 'example', catalog, actions: [] }
  await using folder = await temporaryFolder('bench-codegen')
  const generateMs: number[] = []
  const compileSeconds: number[] = []
  const emptySeconds: number[] = []
  let client = ''
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now()
    client = generateClient(input, template)
    generateMs.push(performance.now() - started)
    compileSeconds.push(await secondsToCompile(folder.path, client))
    emptySeconds.push(await secondsToCompile(folder.path, 'export {}\n'))
  }
  return {
    ...options,
    lines: client.split('\n').length,
    bytes: Buffer.byteLength(client),
    generateMs: median(generateMs),
    compileSeconds: median(compileSeconds),
    emptySeconds: median(emptySeconds),
  }
}

const compilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: 'es2022',
  module: 'esnext',
  moduleResolution: 'bundler',
  lib: ['es2022', 'dom'],
  types: [],
  noEmit: true,
}

async function secondsToCompile(folder: string, client: string): Promise<number> {
  await writeFile(join(folder, 'client.ts'), client)
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['client.ts'] }),
  )
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const started = performance.now()
  await promisify(execFile)(process.execPath, [tsc, '-p', folder])
  return (performance.now() - started) / 1000
}

function streamOf(number: number, fields: number): AirbyteStream {
  const properties = Array.from({ length: fields }, (_, index) => [
    `field_${String(index)}`,
    fieldOf(number + index),
  ])
  return {
    name: `stream_${String(number)}`,
    namespace: `schema_${String(number % 7)}`,
    json_schema: { type: 'object', properties: Object.fromEntries(properties) as JsonObject },
    supported_sync_modes: ['full_refresh', 'incremental'],
    source_defined_primary_key: [['field_0']],
  }
}

/** The kinds in the mix of a CRM: most are plain and nullable, some are nested. */
function fieldOf(number: number): JsonObject {
  const kinds: readonly JsonObject[] = [
    { type: ['null', 'string'], description: 'As the vendor has it.' },
    { type: ['null', 'integer'] },
    { type: ['null', 'number'] },
    { type: ['null', 'boolean'] },
    { type: ['null', 'string'], format: 'date-time' },
    { type: ['null', 'string'], enum: ['open', 'won', 'lost', `closed_${String(number)}`] },
    { type: ['null', 'array'], items: { type: 'string' } },
    {
      type: ['null', 'object'],
      properties: {
        city: { type: ['null', 'string'] },
        street: { type: ['null', 'string'], description: 'With its number.' },
        geo: { type: 'array', items: { type: 'number' } },
      },
    },
  ]
  return kinds[number % kinds.length] ?? {}
}

export function codegenTable(figures: CodegenFigures): string {
  return [
    `${String(figures.streams)} streams of ${String(figures.fields)} fields: ${figures.lines.toLocaleString('en')} lines, ${String(Math.round(figures.bytes / 1000))} kB`,
    `made in                   ${figures.generateMs.toFixed(0)} ms`,
    `compiled under strict in  ${figures.compileSeconds.toFixed(2)} s  (an empty file: ${figures.emptySeconds.toFixed(2)} s)`,
    '',
  ].join('\n')
}
