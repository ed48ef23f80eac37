import { execFile } from 'node:child_process'
import { cp, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { newFolder } from '../support/new-folder.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** The program as this checkout has it, from its sources as the others are. */
export const thisVersion = join(root, 'cli/main.ts')

/** The program of another commit. Its packages are those of this checkout. */
export async function commitVersion(commit: string): Promise<string> {
  const folder = await newFolder('old-version')
  const archive = join(folder, 'archive.tar')
  await run('git', ['archive', '--output', archive, commit], { cwd: root })
  await run('tar', ['-xf', archive, '-C', folder])
  return linked(folder)
}

/** The program of this checkout with one more migration of each of the given kinds. */
export async function newerVersion(
  kinds: readonly ('metadata' | 'destination')[],
): Promise<string> {
  const folder = await newFolder('newer-version')
  const leftOut = new Set(['node_modules', '.git', '.build', 'dist', 'test', 'docs', 'pictures'])
  await cp(root, folder, {
    recursive: true,
    filter: (path) => join(root, basename(path)) !== path || !leftOut.has(basename(path)),
  })
  await symlink(join(root, 'docs'), join(folder, 'docs'))
  for (const kind of kinds) await append(join(folder, files[kind]), migrations[kind])
  return linked(folder)
}

const files = {
  metadata: 'service/platform/database/migrations.ts',
  destination: 'sinks/postgres/bookkeeping/migrations.ts',
}
const migrations = {
  metadata: `{ name: 'later', sql: 'ALTER TABLE reactor_connect_service.runs ADD COLUMN later text' },`,
  destination: '(schema) => `ALTER TABLE ${schema}.streams ADD COLUMN later pg_catalog.text`,',
}

/**
 * Adds an element to the list of migrations, which is the only one whose end is at the beginning of a line.
 */
async function append(file: string, migration: string): Promise<void> {
  const text = await readFile(file, 'utf8')
  const changed = text.replace(/^\]$/m, () => `  ${migration}\n]`)
  if (changed === text) throw new Error(`${file} has no list of migrations`)
  await writeFile(file, changed)
}

async function linked(folder: string): Promise<string> {
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return join(folder, 'cli/main.ts')
}
