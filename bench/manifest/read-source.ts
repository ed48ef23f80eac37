import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { builtProgram } from '../built-program.ts'
import { startServer, type LoopbackServer } from '../loopback-server.ts'
import { measureProgram, nodeFlags, type Measured } from '../measured-process.ts'

const folder = import.meta.dirname
/** A paged API, read as most manifests read one. */
export const pagedManifest = join(folder, 'manifest.yaml')
/** One large response. */
export const largeBodyManifest = join(folder, 'large-body.yaml')

export interface Files extends AsyncDisposable {
  readonly directory: string
  readonly config: string
  readonly catalog: string
}

/** The configuration for an API, and a catalog with its stream. */
export async function writeFiles(url: string): Promise<Files> {
  const made = await temporaryFolder('bench-source')
  const directory = made.path
  const files = { config: join(directory, 'config.json'), catalog: join(directory, 'catalog.json') }
  await writeFile(files.config, JSON.stringify({ url }))
  const stream = {
    name: 'items',
    json_schema: { type: 'object', properties: {} },
    supported_sync_modes: ['full_refresh', 'incremental'],
  }
  const configured = { stream, sync_mode: 'incremental', destination_sync_mode: 'append' }
  await writeFile(files.catalog, JSON.stringify({ streams: [configured] }))
  return { directory, ...files, [Symbol.asyncDispose]: () => made[Symbol.asyncDispose]() }
}

/** One of the servers of this folder. */
export function startApi(file: string, options: readonly number[]): Promise<LoopbackServer> {
  return startServer(join(folder, file), options)
}

/** Reads the stream by the command line as it is built, as a whole process. */
export function readSource(manifest: string, { config, catalog }: Files): Promise<Measured> {
  const files = ['--config', config, '--catalog', catalog]
  const argv = ['connect', 'source', 'read', '--manifest', manifest, ...files]
  return measureProgram(builtProgram, argv, { flags: nodeFlags })
}
