import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A name for what was fetched for a pom: another pom, another name. */
export function stampOf(pom: string): string {
  return createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)
}

/**
 * Copies the jars of a pom, with what they need, into `target` unless it is there; `without` leaves jars out
 * by their names.
 */
export async function copyJars(pom: string, target: string, without?: RegExp): Promise<void> {
  await fetchOnce(target, async (draft) => {
    await maven(
      ['-f', resolve(pom), 'dependency:copy-dependencies', '-DincludeScope=runtime'],
      draft,
    )
    if (without === undefined) return
    for (const jar of await readdir(draft)) if (without.test(jar)) await rm(join(draft, jar))
  })
}

/** Unpacks an archive, `group:artifact:version:type:classifier`, into `target` unless it is there. */
export async function unpackArtifact(artifact: string, target: string): Promise<void> {
  await fetchOnce(target, (draft) => maven(['dependency:unpack', `-Dartifact=${artifact}`], draft))
}

/**
 * In a temporary folder: if there is no pom, Maven's plugins make a folder `${project.basedir}` in the folder
 * that they run in.
 */
export async function maven(args: readonly string[], outputDirectory: string): Promise<void> {
  const cwd = await mkdtemp(join(tmpdir(), 'maven-'))
  try {
    const output = `-DoutputDirectory=${resolve(outputDirectory)}`
    await run('mvn', ['-q', '-B', ...args, output], { cwd })
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}

/** Two programs may fetch at once: each fills a folder of its own, and the first rename wins. */
async function fetchOnce(target: string, fetch: (draft: string) => Promise<void>): Promise<void> {
  if (existsSync(target)) return
  const draft = `${target}.${process.pid}`
  await mkdir(draft, { recursive: true })
  try {
    await fetch(draft)
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!existsSync(target)) throw new Error(`Maven could not fetch ${target}`, { cause: error })
  }
}
